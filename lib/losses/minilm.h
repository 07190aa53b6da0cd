// MiniLM (Wang et al., NeurIPS 2020; equations of arXiv v2): the last layer's attention
// distributions and relations between its values. Used by distill --method minilm.
#pragma once

#include <torch/torch.h>

namespace reaugkd::losses {

/// Equation 6: the mean over heads and real query tokens of KL(A^T_t || A^S_t), A = softmax of the
/// scores (B, heads, T, T) over real tokens; mask (B, T), 1 token. The teacher's are constants.
torch::Tensor attention_transfer(const torch::Tensor& teacher_scores,
                                 const torch::Tensor& student_scores,
                                 const torch::Tensor& attention_mask);

/// Equations 7 to 9: the same of the value relations softmax(V V^T / sqrt(d)); values
/// (B, heads, T, d), the two models' d may differ.
torch::Tensor value_relation(const torch::Tensor& teacher_values,
                             const torch::Tensor& student_values,
                             const torch::Tensor& attention_mask);

}  // namespace reaugkd::losses
