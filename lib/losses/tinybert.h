// TinyBERT (Jiao et al., Findings of EMNLP 2020): the states, embeddings and attention maps of a
// Transformer's layers. Used by distill --method tinybert.
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace reaugkd::losses {

/// g(m): the teacher's layer, counted from 1, that student's layer m = 1..M learns from; 0 is the
/// embeddings on both sides. Uniform: m N / M, rounded to nearest.
std::int64_t uniform_layer(std::int64_t m, std::int64_t student_layers,
                           std::int64_t teacher_layers);

/// Equations 8 and 9: MSE(H^S W, H^T), the mean over real tokens and coordinates. States (B, T, .)
/// of equal width, the student's already times W; mask (B, T), 1 token. The teacher's are
/// constants.
torch::Tensor state_error(const torch::Tensor& teacher, const torch::Tensor& student,
                          const torch::Tensor& attention_mask);

/// Equation 7: MSE(A^S, A^T) of attention scores before softmax (B, heads, T, T), the mean over
/// heads and pairs of real tokens. The teacher's are constants.
torch::Tensor attention_error(const torch::Tensor& teacher, const torch::Tensor& student,
                              const torch::Tensor& attention_mask);

}  // namespace reaugkd::losses
