// Checks the bytes of an index.hnsw. hnswlib believes whatever it reads: a wrong dimension gives
// wrong neighbours, a crafted size or link id reads and writes past its buffers. Without torch, so
// that it can be fuzzed. Used by load_hnsw_index before hnswlib sees the file.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace reaugkd::retrieval {

/// What the file must agree with.
struct HnswFileExpectation {
  std::uint64_t elements = 0;   // 1 to 2^31 - 1
  std::uint64_t dimension = 0;  // D
  std::uint64_t M = 0;          // 2 to 10,000
  std::uint64_t ef_construction = 0;
  /// The rows that the elements are, each once, ascending. Empty: 0, 1, ...
  std::span<const std::int64_t> labels = {};
};

/// The D floats of a row, valid until the next call.
using VectorOfRow = std::function<const float*(std::uint64_t row)>;

/// Header fields, sizes, labels (each expected row once), vectors (`vector_of` each label), levels
/// and link ids, in time linear in the file's size. Throws ArtifactError that says which check
/// failed.
void check_hnsw_file(std::string_view bytes, const HnswFileExpectation& expected,
                     const VectorOfRow& vector_of, const std::string& where);

}  // namespace reaugkd::retrieval
