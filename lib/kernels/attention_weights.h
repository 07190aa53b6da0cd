// The loops of attention_weights.h over plain memory.
#pragma once

#include <cstdint>

#include "kernels/dropout.h"

namespace reaugkd::kernels {

/// What is the same for all rows; a row is one query's scores of `tokens` keys.
struct AttentionRows {
  std::int64_t tokens;  // T
  std::int64_t window;  // a query sees keys at most this far; T or more: all
  float scale;          // 1 / sqrt(d)
  DropoutMask mask;     // threshold 0, scale 1: nothing is dropped
};

/// The two biases of `rows` rows.
struct AttentionBiases {
  const float* padding;   // (T), the same for these rows
  const float* relative;  // (rows, T), or null
};

/// Of `rows` rows, the first of which is row `first` of the call (for the mask of dropout, and
/// `first` mod T is its query): weights = softmax(scale scores + biases) within the window, 0
/// outside; dropped = weights / (1 - p) where kept, else 0. scratch has room for T; dropped may be
/// null.
void attention_weights_forward(const AttentionRows& shape, std::int64_t first, std::int64_t rows,
                               const float* scores, const AttentionBiases& biases, float* scratch,
                               float* weights, float* dropped);
/// The same on bf16 values, given as their bits.
void attention_weights_forward(const AttentionRows& shape, std::int64_t first, std::int64_t rows,
                               const std::uint16_t* scores, const AttentionBiases& biases,
                               float* scratch, std::uint16_t* weights, std::uint16_t* dropped);

/// From the gradient of what the layer goes on with (dropped, or weights) that of the scores.
void attention_weights_backward(const AttentionRows& shape, std::int64_t first, std::int64_t rows,
                                const float* weights, const float* gradient, float* scratch,
                                float* to);
void attention_weights_backward(const AttentionRows& shape, std::int64_t first, std::int64_t rows,
                                const std::uint16_t* weights, const std::uint16_t* gradient,
                                float* scratch, std::uint16_t* to);

}  // namespace reaugkd::kernels
