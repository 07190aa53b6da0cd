#include "data/distribution.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <numeric>

namespace reaugkd::data {

std::string why_no_distribution(std::span<const float> p) {
  constexpr double kTolerance = 1e-3;
  double sum = 0;
  for (const float value : p) {
    if (!std::isfinite(value)) return "a probability is not finite, expected 0 to 1";
    if (value < 0) return fmt::format("a probability is {:g}, expected 0 to 1", value);
    sum += value;
  }
  if (std::abs(sum - 1) <= kTolerance) return "";
  return fmt::format("the probabilities sum to {:.6g}, expected 1", sum);
}

void take_logits(std::span<float> p) {
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (float& value : p) {
    value = value > 0 ? static_cast<float>(std::log(value / sum)) : kLogitOfZero;
  }
}

}  // namespace reaugkd::data
