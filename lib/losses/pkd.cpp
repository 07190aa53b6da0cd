#include "losses/pkd.h"

#include "base/error.h"

namespace reaugkd::losses {
namespace {

torch::Tensor unit_states(const torch::Tensor& x) {
  return x / x.norm(2, -1, /*keepdim=*/true).clamp_min(1e-12);
}

}  // namespace

PatienceLayers parse_patience_layers(const std::string& text) {
  if (text == "skip") return PatienceLayers::kSkip;
  if (text == "last") return PatienceLayers::kLast;
  throw base::ConfigError("`pkd_layers`: \"{}\" is not one of skip, last", text);
}

std::vector<std::int64_t> patient_layers(std::int64_t student_layers, std::int64_t teacher_layers,
                                         PatienceLayers choice) {
  REAUGKD_CHECK(2 <= student_layers && student_layers <= teacher_layers, "{} of {} layers",
                student_layers, teacher_layers);
  std::vector<std::int64_t> layers;
  for (std::int64_t m = 1; m < student_layers; ++m) {
    layers.push_back(choice == PatienceLayers::kSkip ? m * teacher_layers / student_layers
                                                     : teacher_layers - student_layers + m);
  }
  return layers;
}

torch::Tensor patience(const torch::Tensor& teacher_states, const torch::Tensor& student_states) {
  REAUGKD_CHECK(teacher_states.dim() == 3 && teacher_states.sizes() == student_states.sizes(),
                "states are (B, M, H) each");
  return (unit_states(student_states) - unit_states(teacher_states.detach())).square().mean();
}

}  // namespace reaugkd::losses
