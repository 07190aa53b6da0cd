#include "kernels/adamw.h"

#include <array>
#include <cmath>

#include "kernels/vector_clones.h"

namespace reaugkd::kernels {

REAUGKD_VECTOR_CLONES
void adamw_update(const AdamWUpdate& step, std::int64_t n, float* __restrict parameter,
                  const float* __restrict gradient, float* __restrict exp_avg,
                  float* __restrict exp_avg_sq) {
  const AdamWUpdate s = step;
  for (std::int64_t i = 0; i < n; ++i) {
    const float g = gradient[i] * s.gradient_scale;
    const float m = s.beta1 * exp_avg[i] + s.one_minus_beta1 * g;
    const float v = s.beta2 * exp_avg_sq[i] + s.one_minus_beta2 * g * g;
    exp_avg[i] = m;
    exp_avg_sq[i] = v;
    parameter[i] =
        s.decay * parameter[i] - s.step_size * m / (std::sqrt(v) * s.root_correction + s.epsilon);
  }
}

REAUGKD_VECTOR_CLONES
void adamw_decay(const AdamWUpdate& step, std::int64_t n, float* parameter) {
  const float decay = step.decay;
  for (std::int64_t i = 0; i < n; ++i) parameter[i] *= decay;
}

REAUGKD_VECTOR_CLONES
double sum_of_squares(std::int64_t n, const float* values) {
  constexpr std::int64_t kLanes = 16;  // independent sums: what a vector register holds
  std::array<double, kLanes> lanes{};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      lanes[lane] += value * value;
    }
  }
  for (; i < n; ++i) lanes[0] += static_cast<double>(values[i]) * values[i];
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

}  // namespace reaugkd::kernels
