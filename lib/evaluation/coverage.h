// What it is worth to answer only where the prediction is sure: coverage and accuracy by the
// smallest probability that is answered, and the probability that reaches a wanted precision.
#pragma once

#include <torch/torch.h>

#include <optional>
#include <vector>

#include "data/task.h"

namespace reaugkd::evaluation {

/// The rows whose most probable class has at least this probability.
struct CoveragePoint {
  double min_probability = 0;
  double coverage = 0;  // their share of the labelled rows
  double accuracy = 0;  // of them; 1 where there are none

  bool operator==(const CoveragePoint&) const = default;
};

/// At 0.5, 0.6, 0.7, 0.8, 0.9, 0.95 and 0.99, over the rows that have a label. Empty for regression
/// and without labels. `probabilities` (n, C).
std::vector<CoveragePoint> coverage_points(const data::Task& task,
                                           const torch::Tensor& probabilities,
                                           const std::vector<float>& labels);

/// Of all probabilities at which the rows answered have an accuracy of `precision` or more, the one
/// that answers most rows. None where no probability does. Classification with labels.
std::optional<CoveragePoint> threshold_for(double precision, const torch::Tensor& probabilities,
                                           const std::vector<float>& labels);

}  // namespace reaugkd::evaluation
