// How good predictions are beyond the task's metric: how sure, and how right when sure.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "data/task.h"
#include "metrics/scores.h"

namespace reaugkd::evaluation {

/// Over the labelled rows: mean_confidence (of the top class), expected_calibration_error and nll
/// (mean -log p of the label). Empty for regression and without labels. (n, C)
metrics::Scores calibration(const data::Task& task, const torch::Tensor& probabilities,
                            const std::vector<float>& labels);

/// How right and how sure soft labels (n, C) are on rows with labels: the task's metrics and
/// calibration(). Near certainty on rows that the teacher was trained on says that p^KB carries
/// little beyond the label.
metrics::Scores soft_label_quality(const data::Task& task, const torch::Tensor& soft_labels,
                                   const std::vector<float>& labels);

/// The task's metrics and averages over classes if every row were predicted as the most frequent
/// class of `labels`: what a model without any signal reaches. Empty for regression and without
/// labels.
metrics::Scores majority_score(const data::Task& task, const std::vector<float>& labels);

}  // namespace reaugkd::evaluation
