// The parameters of an HNSW index (Malkov and Yashunin, 2018), as build-kb takes them and kb.json
// records them.
#pragma once

#include <cstdint>

namespace reaugkd::retrieval {

struct HnswOptions {
  std::int64_t M = 16;
  std::int64_t ef_construction = 200;
  std::int64_t ef_search = 128;  // raised to k where k is larger
  std::uint64_t seed = 0;
  int threads = 1;  // insertion; more than one is faster and not reproducible
};

}  // namespace reaugkd::retrieval
