// Attention scores by content and by position (DeBERTa, He et al., ICLR 2021): each pair of tokens
// takes its score from two tables of relative positions, in one pass over memory.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace reaugkd::models {

/// sum[n][i][j] = scores[n][i][j] + of_queries[n][i][p] + of_keys[n][j][p], p = places[j - i + T -
/// 1]: scores (N, T, T), the others (N, T, P) each or undefined, all fp32 or all bf16; places
/// (2T - 1), ascending from 0 to P - 1.
torch::Tensor relative_scores(const torch::Tensor& scores, const torch::Tensor& of_queries,
                              const torch::Tensor& of_keys,
                              const std::vector<std::int32_t>& places);

}  // namespace reaugkd::models
