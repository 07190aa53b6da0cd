// MetaDistil (Zhou et al., ACL 2022): how a student that has taken one step on the teacher's
// predictions does on a quiz, as a gradient for the teacher. Used by distill --method metadistil.
#pragma once

#include <torch/torch.h>

namespace reaugkd::losses {

/// A function of the teacher's logits whose gradient is that of the quiz loss through one step of
/// the student. With g(S, T) the gradient by S of the distillation term D(T, S) = T^2 CE(p^T, p^S),
/// S' = S - eta g and v the quiz loss's gradient at S', the chain rule gives
///   d quiz / dT = -eta d/dT <v, g(S, T)> = -eta d/dT [D(T, S + e v) - D(T, S - e v)] / (2 e)
/// to second order in e. This is the last term, without eta: D is linear in p^T, so only the
/// student's logits at S + e v and S - e v, both constants, are needed. Logits (B, C); a scalar.
torch::Tensor meta_objective(const torch::Tensor& teacher_logits, const torch::Tensor& student_plus,
                             const torch::Tensor& student_minus, double e, double temperature);

/// The same for regression: D(T, S) = (score^S - score^T)^2, scores (B, 1).
torch::Tensor meta_objective_of_scores(const torch::Tensor& teacher_scores,
                                       const torch::Tensor& student_plus,
                                       const torch::Tensor& student_minus, double e);

}  // namespace reaugkd::losses
