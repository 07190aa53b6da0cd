// Attention: what it makes of its scores in one pass over memory (scale, mask, softmax, dropout),
// or all of it by LibTorch's one operator where that is the faster way.
#pragma once

#include <torch/torch.h>

namespace reaugkd::models {

/// dropout(softmax(scale scores + bias)): scores (B, heads, T, T) fp32 or bf16, bias (B, 1, 1, T)
/// fp32; computed in fp32, returned as scores are. A row does not depend on the padding of others.
/// The dropout is models::dropout's: the same masks of the same seed.
torch::Tensor attention_weights(const torch::Tensor& scores, const torch::Tensor& bias,
                                double scale, double p, bool training);

/// Whether LibTorch's operator takes the place of the products and attention_weights: from 2.1, and
/// where this module has no kernels (a GPU).
bool has_fused_attention(const torch::Tensor& query);

/// dropout(softmax(q k^T / sqrt(d) + bias)) v without the (B, heads, T, T) weights in memory: all
/// (B, heads, T, d), bias (B, 1, 1, T). The dropout is LibTorch's.
torch::Tensor fused_attention(const torch::Tensor& query, const torch::Tensor& key,
                              const torch::Tensor& value, const torch::Tensor& bias, double p,
                              bool training);

}  // namespace reaugkd::models
