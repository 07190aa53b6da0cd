#include "losses/metadistil.h"

#include "base/error.h"

namespace reaugkd::losses {

torch::Tensor meta_objective(const torch::Tensor& teacher_logits, const torch::Tensor& student_plus,
                             const torch::Tensor& student_minus, double e, double temperature) {
  REAUGKD_CHECK(teacher_logits.sizes() == student_plus.sizes() &&
                    teacher_logits.sizes() == student_minus.sizes() && e > 0,
                "logits are (B, C) each, e > 0");
  const auto p_teacher = torch::softmax(teacher_logits / temperature, 1);
  const auto slope = (torch::log_softmax(student_plus.detach() / temperature, 1) -
                      torch::log_softmax(student_minus.detach() / temperature, 1)) /
                     (2 * e);
  // D = -T^2 sum p^T log p^S, and d quiz / dT is minus its slope along v.
  return (p_teacher * slope).sum(1).mean() * (temperature * temperature);
}

torch::Tensor meta_objective_of_scores(const torch::Tensor& teacher_scores,
                                       const torch::Tensor& student_plus,
                                       const torch::Tensor& student_minus, double e) {
  REAUGKD_CHECK(teacher_scores.sizes() == student_plus.sizes() && e > 0, "scores are (B, 1) each");
  const auto up = (student_plus.detach() - teacher_scores).square().mean();
  const auto down = (student_minus.detach() - teacher_scores).square().mean();
  return -(up - down) / (2 * e);
}

}  // namespace reaugkd::losses
