// What retrieval did besides the scores: which predictions it changed, and how far the index is
// from an exact search.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "data/task.h"
#include "metrics/scores.h"
#include "retrieval/index.h"

namespace reaugkd::evaluation {

/// Predictions changed from student to combined.
struct ChangedPredictions {
  /// What the changes were worth, over the labelled rows.
  struct Outcome {
    std::int64_t wrong_to_right = 0;
    std::int64_t right_to_wrong = 0;
    metrics::Scores better_of_both;  // if for each row the better of student and KB were taken
  };
  std::int64_t changed = 0;        // of the labelled rows; without any label of all rows
  std::optional<Outcome> outcome;  // none without any label
};

/// Classification only; probabilities (n, C).
ChangedPredictions changed_predictions(const data::Task& task, const torch::Tensor& student,
                                       const torch::Tensor& knowledge_base,
                                       const torch::Tensor& combined,
                                       const std::vector<float>& labels);

/// How far found neighbors are from those of an exact search.
struct IndexAgreement {
  double recall = 1;              // recall@k
  double mean_difference = 0;     // |p^KB - p^KB_exact| over rows and classes
  double largest_difference = 0;  // the same
  std::int64_t examples = 0;
  std::int64_t changed = 0;  // examples whose p^KB has another class; scores: by over 1 % of all

  /// Whether at most 0.1 % of the predictions are others.
  bool same_answers() const;
};

/// `exact` has a neighbor for every query; where `found` has none, p^KB is taken as 0.
IndexAgreement index_agreement(const retrieval::Neighbors& found, const retrieval::Neighbors& exact,
                               const torch::Tensor& soft_labels, double tau);

}  // namespace reaugkd::evaluation
