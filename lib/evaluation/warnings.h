// What is silently bad about a model, its data or its retrieval, in plain words. An option is named
// by its key in backticks, which the stage spells as a flag.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "data/task.h"
#include "evaluation/retrieval_effect.h"
#include "evaluation/retriever.h"
#include "metrics/scores.h"

namespace reaugkd::evaluation {

using Warnings = std::vector<std::string>;

/// Adds `more` to `warnings`.
void append(Warnings& warnings, const Warnings& more);

/// "No signal": an accuracy in `scores` (a task without it: its first metric) less than 3 points
/// above the majority class.
Warnings score_warnings(const std::string& what, const data::Task& task,
                        const metrics::Scores& scores, const std::vector<float>& labels);

/// Classes of the task that no row of the training part has: they cannot be learnt.
Warnings absent_class_warnings(const data::Task& task, const std::vector<float>& labels);

/// Regression: known labels of `what` ("the scored part") that are all one, two at least.
Warnings equal_label_warnings(const std::string& what, const data::Task& task,
                              std::vector<float> labels);

/// What is wrong with predictions (n, C) of `what` ("the student"): one class or one score for
/// every row, or a score less than 3 points above the majority class.
Warnings prediction_warnings(const std::string& what, const data::Task& task,
                             const torch::Tensor& probabilities, const std::vector<float>& labels);

/// Whether unit rows (n, D) have collapsed into nearly one direction, so that no neighbor means
/// anything: their mean cosine similarity is above 0.98.
Warnings embedding_warnings(const std::string& what, const torch::Tensor& unit_rows);

/// Whether an index misses so many neighbors that p^KB is another: by more than 0.01 on average, or
/// with other predictions.
Warnings index_warnings(const IndexAgreement& agreement);

/// Where no ef of the grid finds enough.
Warnings ef_search_warnings(const SelectedEfSearch& selected);

/// Whether more than 1 % of `count` scored rows are answered by a knowledge-base row of their own
/// text.
Warnings same_text_warnings(std::int64_t same, std::int64_t count);

/// Where rows were `skipped` as bad ones, which GLUE's `submission` needs too.
Warnings missing_row_warnings(const std::string& submission, std::int64_t skipped);

}  // namespace reaugkd::evaluation
