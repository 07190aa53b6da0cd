// The parameters of an HNSW index (Malkov and Yashunin, 2018), as build-kb takes them and kb.json
// records them, and of its search, as eval takes them.
#pragma once

#include <cstdint>

namespace reaugkd::retrieval {

/// What a search walks the graph by: kInt8 codes made of the vectors as the index is opened, whose
/// candidates are ranked by the vectors themselves; or these alone.
enum class WalkDtype { kInt8, kFp32 };

struct HnswOptions {
  std::int64_t M = 16;
  std::int64_t ef_construction = 200;
  std::int64_t ef_search = 128;  // raised to k where k is larger
  std::uint64_t seed = 0;
  int threads = 1;  // insertion; more than one is faster and not reproducible
  WalkDtype walk = WalkDtype::kInt8;
};

}  // namespace reaugkd::retrieval
