// Rows of a knowledge base that share their key, bit by bit: an index stores each distinct key
// once, and its rows stand behind it. hnswlib loses its way among thousands of equal vectors.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "retrieval/index.h"

namespace reaugkd::retrieval {

/// The rows by their keys.
struct DistinctKeys {
  std::vector<std::int64_t> first_rows;  // of each distinct key its lowest row, ascending
  std::vector<std::int64_t> first_of;    // (N) the lowest row with the key of this row
  std::vector<std::int64_t> next_of;     // (N) the next row with the key of this row, or -1

  bool every_row() const { return first_rows.size() == first_of.size(); }
};

/// Of `embeddings` (N, D), fp32 or fp16, on the CPU.
DistinctKeys distinct_keys(const torch::Tensor& embeddings);

/// `inner` finds the first rows of distinct keys; the result finds all rows: k counts rows, those
/// of one key come in row order, and of equal similarities the lower row comes first.
std::unique_ptr<Index> over_distinct_keys(DistinctKeys keys, std::unique_ptr<Index> inner);

}  // namespace reaugkd::retrieval
