#include "retrieval/calibrated_loss.h"

#include <cmath>

namespace reaugkd::retrieval {
namespace {

constexpr double kLeastProbability = 1e-12;
constexpr double kMostTemperature = 100;
constexpr int kMostNewtonSteps = 60;
constexpr double kCloseEnough = 1e-10;

}  // namespace

double calibrated_loss(const torch::Tensor& probabilities, const torch::Tensor& labels) {
  const torch::NoGradGuard no_grad;
  const auto logits =
      probabilities.to(torch::kCPU, torch::kFloat64).clamp_min(kLeastProbability).log();
  const auto own = logits.gather(1, labels.to(torch::kCPU, torch::kInt64).unsqueeze(1)).squeeze(1);
  // The loss is convex in 1 / T, so Newton's steps find its minimum. One that would leave the
  // bracket is replaced by the bracket's middle.
  double inverse = 1, low = 1 / kMostTemperature, high = kMostTemperature;
  for (int step = 0; step < kMostNewtonSteps; ++step) {
    const auto p = (inverse * logits).softmax(1);
    const auto mean = (p * logits).sum(1);
    const double slope = (mean - own).mean().item<double>();
    const double curvature = ((p * logits.square()).sum(1) - mean.square()).mean().item<double>();
    (slope > 0 ? high : low) = inverse;
    double next = inverse - slope / curvature;
    if (!(next > low && next < high)) next = std::sqrt(low * high);
    const bool found = std::abs(next - inverse) <= kCloseEnough * inverse;
    inverse = next;
    if (found) break;
  }
  return ((inverse * logits).logsumexp(1) - inverse * own).mean().item<double>();
}

}  // namespace reaugkd::retrieval
