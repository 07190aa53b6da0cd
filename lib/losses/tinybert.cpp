#include "losses/tinybert.h"

#include "base/error.h"

namespace reaugkd::losses {

std::int64_t uniform_layer(std::int64_t m, std::int64_t student_layers,
                           std::int64_t teacher_layers) {
  return (2 * m * teacher_layers + student_layers) / (2 * student_layers);
}

torch::Tensor state_error(const torch::Tensor& teacher, const torch::Tensor& student,
                          const torch::Tensor& attention_mask) {
  REAUGKD_CHECK(teacher.dim() == 3 && teacher.sizes() == student.sizes() &&
                    attention_mask.size(1) == teacher.size(1),
                "states are (B, T, H) each, the mask (B, T)");
  const auto real = attention_mask.to(torch::kFloat32);  // (B, T)
  const auto error = (student.to(torch::kFloat32) - teacher.detach().to(torch::kFloat32)).square();
  return (error.mean(2) * real).sum() / real.sum();
}

torch::Tensor attention_error(const torch::Tensor& teacher, const torch::Tensor& student,
                              const torch::Tensor& attention_mask) {
  REAUGKD_CHECK(teacher.dim() == 4 && teacher.sizes() == student.sizes() &&
                    attention_mask.size(1) == teacher.size(3),
                "scores are (B, heads, T, T) each, the mask (B, T)");
  const auto real = attention_mask.to(torch::kFloat32);
  const auto pairs = real.unsqueeze(2) * real.unsqueeze(1);  // (B, T, T)
  const auto error = (student.to(torch::kFloat32) - teacher.detach().to(torch::kFloat32)).square();
  return (error.mean(1) * pairs).sum() / pairs.sum();
}

}  // namespace reaugkd::losses
