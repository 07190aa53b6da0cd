// How an index is built and searched, as build-kb takes it and kb.json records it.
#pragma once

#include <cstdint>
#include <string>

namespace reaugkd::retrieval {

/// Those of HNSW (Malkov and Yashunin, 2018); another kind reads what it has a use for.
struct IndexOptions {
  std::int64_t M = 16;                 // links of a row
  std::int64_t ef_construction = 200;  // candidates when a row is inserted
  std::int64_t ef_search = 128;        // candidates of a search; raised to k where k is larger
  std::uint64_t seed = 0;
  int threads = 1;  // insertion; more than one is faster and not reproducible
};

/// What kb.json says of its index.
struct IndexDescription {
  std::string kind = "hnsw";  // one of index_kinds()
  IndexOptions options;       // written for every kind but the exact search, which has none
};

inline constexpr const char* kExactIndex = "exact";

/// A knowledge base of fewer rows is searched exactly where nobody says otherwise: HNSW would save
/// a query a few tenths of a millisecond at most (docs/results/speed-retrieval.md), and miss
/// neighbors.
inline constexpr std::int64_t kRowsForHnsw = 10'000;

}  // namespace reaugkd::retrieval
