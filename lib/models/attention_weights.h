// Attention: what it makes of its scores in one pass over memory (scale, mask, softmax, dropout),
// or all of it by LibTorch's one operator where that is the faster way.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <limits>
#include <utility>

namespace reaugkd::models {

struct Packing;

/// What is added to the scaled scores before softmax.
struct AttentionBias {
  static constexpr std::int64_t kNoWindow = std::numeric_limits<std::int32_t>::max();

  AttentionBias(torch::Tensor of_padding, torch::Tensor of_positions = {},  // NOLINT: a mask is one
                std::int64_t window_each_way = kNoWindow)
      : padding(std::move(of_padding)),
        relative(std::move(of_positions)),
        window(window_each_way) {}

  torch::Tensor padding;             // (B, 1, 1, T) fp32: 0 a token, -1e9 padding
  torch::Tensor relative;            // (1, heads, T, T) fp32, learned; undefined: none
  std::int64_t window;               // a token sees those at most this many places away
  const Packing* packing = nullptr;  // the batch is packed, and has no padding
};

/// 0 where attention_mask (B, T) has a token, so low that softmax gives 0 where it has padding:
/// (B, 1, 1, T) fp32.
torch::Tensor padding_bias(const torch::Tensor& attention_mask);

/// dropout(softmax(scale scores + bias)): scores (B, heads, T, T) fp32 or bf16; computed in fp32,
/// returned as scores are. A row does not depend on the padding of others. The dropout is
/// models::dropout's: the same masks of the same seed.
torch::Tensor attention_weights(const torch::Tensor& scores, const AttentionBias& bias,
                                double scale, double p, bool training);

/// Whether LibTorch's operator takes the place of the products and attention_weights: from 2.1, and
/// where this module has no kernels (a GPU).
bool has_fused_attention(const torch::Tensor& query);

/// dropout(softmax(q k^T / sqrt(d) + bias)) v without the (B, heads, T, T) weights in memory: all
/// (B, heads, T, d). The dropout is LibTorch's.
torch::Tensor fused_attention(const torch::Tensor& query, const torch::Tensor& key,
                              const torch::Tensor& value, const AttentionBias& bias, double p,
                              bool training);

}  // namespace reaugkd::models
