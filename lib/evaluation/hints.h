// What the numbers call for, in plain words: hints stand among the warnings. An option is named by
// its key in backticks, which the stage spells as a flag.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "evaluation/warnings.h"

namespace reaugkd::evaluation {

/// Where all `rows` of `what` ("the scored part") are cut to the maximum length.
Warnings cut_hints(const std::string& what, std::int64_t cut, std::int64_t rows,
                   std::int64_t max_seq_length);

/// Classes of which fewer than five rows are trained on, but one at least.
Warnings few_row_hints(const data::Task& task, const std::vector<float>& labels);

/// A score on the validation part, larger is better.
struct ScoreAtEpoch {
  double epoch = 0;
  double score = 0;
};

/// Those of a train_log.jsonl, in the order of the training. Throws ArtifactError where a line is
/// damaged.
std::vector<ScoreAtEpoch> validations_of(const std::filesystem::path& log,
                                         const std::string& metric);

/// Whether the score still rose by a point or more in the last epoch: above all that was reached an
/// epoch before the end.
Warnings rising_hints(const std::string& metric, const std::vector<ScoreAtEpoch>& validations);

/// Whether a k-NN over the keys beats the teacher that made them by a point or more on the held-out
/// rows.
Warnings neighbor_hints(double knn_accuracy, double teacher_accuracy);

/// A setting that the task's metric would have selected, where the loss selected beta = 1.
struct RefusedSetting {
  retrieval::RetrievalSetting setting;
  std::string metric;
  double score = 0;
  double score_student = 0;
  std::string selected_on;  // "holdout:0.1"
};

/// Whether retrieval would have gained a point or more by the metric.
Warnings refused_hints(const RefusedSetting& refused);

}  // namespace reaugkd::evaluation
