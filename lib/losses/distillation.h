// The prediction terms of equation 4: cross entropy to the teacher's soft labels (Hinton et al.,
// 2015), to hard labels, and their squared-error form for regression. Used by both training stages.
#pragma once

#include <torch/torch.h>

namespace reaugkd::losses {

/// 1/B sum_i CE(softmax(l^T_i / T), softmax(l^S_i / T)) T^2. Logits (B, C); the teacher's are
/// constants. T = 1 is equation 4's CE(p^T, p^S).
torch::Tensor soft_cross_entropy(const torch::Tensor& teacher_logits,
                                 const torch::Tensor& student_logits, double temperature);

/// 1/B sum_i KL(softmax(target_i) || softmax(logits_i)); (B, C) each, the target is a constant. The
/// gradient is that of soft_cross_entropy at T = 1; 0 where the two agree. DML, ProKT and SFTN.
torch::Tensor kl_divergence(const torch::Tensor& target_logits, const torch::Tensor& logits);

/// 1/B times the sum of CE(y_i, p_i) over rows with a label, labels (B) fp32 class indices, NaN: no
/// label. All B count, so that a row weighs the same however a step is cut into batches.
torch::Tensor hard_cross_entropy(const torch::Tensor& logits, const torch::Tensor& labels);

/// The same of (score - target)^2; scores (B, 1), targets (B) fp32, NaN: none.
/// Regression's CE, to labels or to the teacher's scores.
torch::Tensor squared_error(const torch::Tensor& scores, const torch::Tensor& targets);

}  // namespace reaugkd::losses
