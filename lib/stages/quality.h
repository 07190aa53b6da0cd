// How good a set of predictions is beyond the task's metric: calibration, and warnings in plain
// words where a model is silently bad. Used by the stages that score something.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "core/json.h"
#include "data/dataset.h"
#include "data/task.h"
#include "stages/prediction_files.h"
#include "stages/retriever.h"

namespace reaugkd::stages {

/// Over the labelled rows: mean_confidence (of the top class), expected_calibration_error and nll
/// (mean -log p of the label). Empty for regression and without labels. (n, C)
core::Json calibration(const data::Task& task, const torch::Tensor& probabilities,
                       const std::vector<float>& labels);

/// How right and how sure a teacher is on rows with labels: the task's metrics and calibration().
/// Near certainty on the rows it was trained on says that p^KB carries little beyond the label.
core::Json teacher_quality(const data::Task& task, const torch::Tensor& soft_labels,
                           const std::vector<float>& labels);

/// The task's metrics if every row were predicted as the most frequent class of `labels`: what a
/// model without any signal reaches. Empty for regression and without labels.
core::Json majority_score(const data::Task& task, const std::vector<float>& labels);

/// "No signal": an accuracy in `scores` (a task without it: its first metric) less than 3 points
/// above the majority class.
std::vector<std::string> score_warnings(const std::string& what, const data::Task& task,
                                        const core::Json& scores, const std::vector<float>& labels);

/// Classes of the task that no row of the training part has: they cannot be learnt.
std::vector<std::string> absent_class_warnings(const data::Task& task,
                                               const std::vector<float>& labels);

/// Regression: known labels of `what` ("the scored part") that are all one, two at least.
std::vector<std::string> equal_label_warnings(const std::string& what, const data::Task& task,
                                              std::vector<float> labels);

/// What is wrong with predictions (n, C) of `what` ("the student"): one class or one score for
/// every row, or a score less than 3 points above the majority class.
std::vector<std::string> prediction_warnings(const std::string& what, const data::Task& task,
                                             const torch::Tensor& probabilities,
                                             const std::vector<float>& labels);

/// Whether unit rows (n, D) have collapsed into nearly one direction, so that no neighbor means
/// anything: their mean cosine similarity is above 0.98.
std::vector<std::string> embedding_warnings(const std::string& what,
                                            const torch::Tensor& unit_rows);

/// Whether an index misses so many neighbors of class probabilities that p^KB is another: by more
/// than 0.01 on average. `agreement` is index_agreement's.
std::vector<std::string> index_warnings(const core::Json& agreement);

/// Where no ef of --grid-ef-search finds enough.
std::vector<std::string> ef_search_warnings(const SelectedEfSearch& selected);

/// Whether more than 1 % of `count` scored rows are answered by a knowledge-base row of their own
/// text.
std::vector<std::string> same_text_warnings(std::int64_t same, std::int64_t count);

/// Where rows were `skipped` as bad ones, which GLUE's `submission` needs too.
std::vector<std::string> missing_row_warnings(const std::string& submission, std::int64_t skipped);

/// Logs each as a warning and appends it to metrics["warnings"].
void add_warnings(core::Json& metrics, const std::vector<std::string>& warnings);

/// Adds to eval's `metrics` what the task's metric does not show: the majority class, calibration,
/// warnings. `embeddings` (n, D), of unit length, are the student's. With a knowledge base
/// `metrics["retrieval"]` has the index's agreement and same_text already; `same_text_answers`: a
/// row of a query's own text was not left out.
void judge(const data::Task& task, const std::vector<float>& labels,
           const RowPredictions& predictions, const torch::Tensor& embeddings,
           bool same_text_answers, core::Json& metrics);

}  // namespace reaugkd::stages
