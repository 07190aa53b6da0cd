#include "losses/minilm.h"

#include <cmath>

#include "base/error.h"

namespace reaugkd::losses {
namespace {

/// V V^T / sqrt(d), (B, heads, T, d) -> (B, heads, T, T)
torch::Tensor relation_scores(const torch::Tensor& values) {
  const auto v = values.to(torch::kFloat32);
  return torch::matmul(v, v.transpose(-1, -2)) / std::sqrt(static_cast<double>(v.size(-1)));
}

}  // namespace

torch::Tensor attention_transfer(const torch::Tensor& teacher_scores,
                                 const torch::Tensor& student_scores,
                                 const torch::Tensor& attention_mask) {
  REAUGKD_CHECK(teacher_scores.dim() == 4 && teacher_scores.sizes() == student_scores.sizes() &&
                    attention_mask.size(1) == teacher_scores.size(3),
                "scores are (B, heads, T, T) each, the mask (B, T)");
  const auto real = attention_mask.to(torch::kFloat32);  // (B, T)
  const auto bias = (1 - real).mul(-1e9F).unsqueeze(1).unsqueeze(1);
  const auto log_teacher =
      torch::log_softmax(teacher_scores.detach().to(torch::kFloat32) + bias, -1);
  const auto log_student = torch::log_softmax(student_scores.to(torch::kFloat32) + bias, -1);
  const auto kl = (log_teacher.exp() * (log_teacher - log_student)).sum(-1);  // (B, heads, T)
  return (kl.mean(1) * real).sum() / real.sum();
}

torch::Tensor value_relation(const torch::Tensor& teacher_values,
                             const torch::Tensor& student_values,
                             const torch::Tensor& attention_mask) {
  return attention_transfer(relation_scores(teacher_values), relation_scores(student_values),
                            attention_mask);
}

}  // namespace reaugkd::losses
