// What eval says about retrieval besides the scores: which predictions it changed, and how far the
// index is from an exact search.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "core/json.h"
#include "data/task.h"
#include "retrieval/index.h"

namespace reaugkd::stages {

/// Counts over the labelled rows: predictions changed from student to combined, wrong to right,
/// right to wrong; and the task's metrics if for each row the better of student and knowledge base
/// were taken. Without any label: the changed ones of all rows. Classification only; probabilities
/// (n, C).
core::Json changed_predictions(const data::Task& task, const torch::Tensor& student,
                               const torch::Tensor& knowledge_base, const torch::Tensor& combined,
                               const std::vector<float>& labels);

/// recall@k of `found`, the mean and largest |p^KB - p^KB_exact| over rows and classes, and how
/// many rows (examples).
core::Json index_agreement(const retrieval::Neighbors& found, const retrieval::Neighbors& exact,
                           const torch::Tensor& soft_labels, double tau);

}  // namespace reaugkd::stages
