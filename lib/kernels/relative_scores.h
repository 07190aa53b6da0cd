// The loops of relative_scores.h over plain memory.
#pragma once

#include <cstdint>

namespace reaugkd::kernels {

/// What is the same for all blocks; a block is one head's scores of one text, (T, T).
struct RelativeShape {
  std::int64_t tokens;         // T
  std::int64_t positions;      // P
  const std::int32_t* places;  // (2T - 1): the position of key - query + T - 1, ascending
};

/// sum[i][j] = scores[i][j] + of_queries[i][p] + of_keys[j][p], p the position of (i, j). Both are
/// (T, P), or null.
void add_relative_scores(const RelativeShape& shape, const float* scores, const float* of_queries,
                         const float* of_keys, float* sum);
/// The same on bf16 values, given as their bits.
void add_relative_scores(const RelativeShape& shape, const std::uint16_t* scores,
                         const std::uint16_t* of_queries, const std::uint16_t* of_keys,
                         std::uint16_t* sum);

/// From the gradient of the sums those of the two (T, P) matrices. scratch has room for T P
/// values.
void relative_query_gradient(const RelativeShape& shape, const float* gradient, float* scratch,
                             float* of_queries);
void relative_query_gradient(const RelativeShape& shape, const std::uint16_t* gradient,
                             float* scratch, std::uint16_t* of_queries);
void relative_key_gradient(const RelativeShape& shape, const float* gradient, float* scratch,
                           float* of_keys);
void relative_key_gradient(const RelativeShape& shape, const std::uint16_t* gradient,
                           float* scratch, std::uint16_t* of_keys);

}  // namespace reaugkd::kernels
