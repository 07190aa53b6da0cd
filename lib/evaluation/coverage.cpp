#include "evaluation/coverage.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace reaugkd::evaluation {
namespace {

constexpr std::array kUsual = {0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99};

/// How sure the prediction of a labelled row is, and whether it is right.
struct Outcome {
  float probability;
  bool right;
};

/// Of the labelled rows, the surest first.
std::vector<Outcome> outcomes_of(const torch::Tensor& probabilities,
                                 const std::vector<float>& labels) {
  std::vector<Outcome> outcomes;
  const auto rows = probabilities.to(torch::kFloat32).contiguous();
  const std::int64_t classes = rows.size(1);
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    const float label = labels[static_cast<std::size_t>(i)];
    if (std::isnan(label)) continue;
    const float* row = rows.data_ptr<float>() + i * classes;
    const auto best = std::max_element(row, row + classes) - row;
    outcomes.push_back({row[best], best == std::llround(label)});
  }
  std::ranges::stable_sort(outcomes, std::greater<>(), &Outcome::probability);
  return outcomes;
}

CoveragePoint point(double min_probability, std::size_t answered, std::size_t right,
                    std::size_t all) {
  return {min_probability, static_cast<double>(answered) / static_cast<double>(all),
          answered == 0 ? 1 : static_cast<double>(right) / static_cast<double>(answered)};
}

}  // namespace

std::vector<CoveragePoint> coverage_points(const data::Task& task,
                                           const torch::Tensor& probabilities,
                                           const std::vector<float>& labels) {
  std::vector<CoveragePoint> points;
  if (task.regression()) return points;
  const auto outcomes = outcomes_of(probabilities, labels);
  if (outcomes.empty()) return points;
  for (const double wanted : kUsual) {
    std::size_t answered = 0;
    std::size_t right = 0;
    for (const auto& outcome : outcomes) {
      if (outcome.probability < static_cast<float>(wanted)) break;  // 0.95F is 0.95
      ++answered;
      right += outcome.right ? 1 : 0;
    }
    points.push_back(point(wanted, answered, right, outcomes.size()));
  }
  return points;
}

std::optional<CoveragePoint> threshold_for(double precision, const torch::Tensor& probabilities,
                                           const std::vector<float>& labels) {
  const auto outcomes = outcomes_of(probabilities, labels);
  std::optional<CoveragePoint> chosen;
  std::size_t right = 0;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    right += outcomes[i].right ? 1 : 0;
    const bool last_of_equals =
        i + 1 == outcomes.size() || outcomes[i + 1].probability < outcomes[i].probability;
    if (!last_of_equals) continue;
    const auto here =
        point(static_cast<double>(outcomes[i].probability), i + 1, right, outcomes.size());
    if (here.accuracy >= precision) chosen = here;
  }
  return chosen;
}

}  // namespace reaugkd::evaluation
