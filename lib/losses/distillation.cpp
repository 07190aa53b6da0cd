#include "losses/distillation.h"

#include "base/error.h"

namespace reaugkd::losses {
namespace {

/// 1/B times the sum of `values` (B) over rows where `known` (B) bool holds.
torch::Tensor mean_where(const torch::Tensor& values, const torch::Tensor& known) {
  return (values * known.to(values.scalar_type())).mean();
}

}  // namespace

torch::Tensor soft_cross_entropy(const torch::Tensor& teacher_logits,
                                 const torch::Tensor& student_logits, double temperature) {
  REAUGKD_CHECK(teacher_logits.sizes() == student_logits.sizes() && temperature > 0,
                "logits are (B, C) each");
  const auto p_teacher = torch::softmax(teacher_logits.detach() / temperature, 1);
  const auto log_p_student = torch::log_softmax(student_logits / temperature, 1);
  return -(p_teacher * log_p_student).sum(1).mean() * (temperature * temperature);
}

torch::Tensor kl_divergence(const torch::Tensor& target_logits, const torch::Tensor& logits) {
  REAUGKD_CHECK(target_logits.sizes() == logits.sizes(), "logits are (B, C) each");
  const auto log_target = torch::log_softmax(target_logits.detach(), 1);
  return (log_target.exp() * (log_target - torch::log_softmax(logits, 1))).sum(1).mean();
}

torch::Tensor hard_cross_entropy(const torch::Tensor& logits, const torch::Tensor& labels) {
  const auto known = torch::isnan(labels).logical_not();
  const auto classes = torch::where(known, labels, torch::zeros_like(labels)).to(torch::kLong);
  const auto log_p = torch::log_softmax(logits, 1);
  return mean_where(-log_p.gather(1, classes.unsqueeze(1)).squeeze(1), known);
}

torch::Tensor squared_error(const torch::Tensor& scores, const torch::Tensor& targets) {
  const auto known = torch::isnan(targets).logical_not();
  const auto filled = torch::where(known, targets, torch::zeros_like(targets));
  return mean_where((scores.squeeze(1) - filled).square(), known);
}

}  // namespace reaugkd::losses
