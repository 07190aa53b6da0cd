// Which retrieval setting answers: the one that is given, or the best of a grid on the validation
// part (retrieval/selection.h), and the same for the permuted control.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/hints.h"
#include "evaluation/retriever.h"
#include "evaluation/sweep.h"
#include "retrieval/selection.h"

namespace reaugkd::evaluation {

/// How a setting was selected, on the validation part.
struct SelectionRecord {
  std::string selected_on;                     // "holdout:0.1"
  std::string selected_by;                     // "loss", "calibrated loss", or a metric
  std::optional<double> score, score_student;  // by what is not the loss
  std::int64_t examples = 0;
  double loss = 0;
  double loss_student = 0;
};

/// The setting that answers and what is to be said of it.
struct RetrievalChoice {
  retrieval::RetrievalSetting setting;
  std::string beta_mode = "constant";
  std::optional<SelectionRecord> selection;   // none: all was given
  std::string index;                          // "hnsw", "exact"
  std::optional<SelectedEfSearch> ef_search;  // of a grid
  std::string ef_search_selected_on;
  std::int64_t rows = 0;  // of the knowledge base

  /// Whether the student alone answers: beta = 1, and not a gate's mean.
  bool unused() const {
    return setting.beta == 1 && setting.rule.mode != retrieval::BetaMode::kGate;
  }
};

/// The loss; the loss at the best temperature (retrieval/calibrated_loss.h), of regressions the
/// loss; the task's first metric.
enum class SelectBy : std::uint8_t { kLoss, kCalibrated, kMetric };

/// What to select from.
struct SelectionOptions {
  retrieval::RetrievalGrid grid;
  std::string beta_mode = "constant";  // of the grid
  bool fixed = false;                  // the grid has one setting: nothing to select
  SelectBy by = SelectBy::kLoss;
  std::vector<std::int64_t> ef_search_grid;  // empty: as built
  std::uint64_t seed = 0;
};

/// The validation part as the student sees it, without neighbors yet.
struct ValidationPart {
  const data::Dataset& rows;
  std::string name;  // "holdout:0.1"
  Queries queries;
};

/// A choice with the soft labels that belong to it, and the permuted control's.
struct SelectedRetrieval {
  RetrievalChoice choice;
  torch::Tensor soft_labels;  // (N, C)
  retrieval::RetrievalSetting permuted_setting;
  torch::Tensor permuted_soft_labels;         // (N, C)
  std::optional<LabelledQueries> validation;  // with neighbors for the grid's largest k
  Warnings warnings;
};

/// Selects among `options` and each of `soft_labels`; the retriever searches as the choice says
/// from then on and answers with its soft labels. `validation` may be null where all is given.
SelectedRetrieval select_retrieval(const SelectionOptions& options, const data::Task& task,
                                   const std::vector<retrieval::SoftLabels>& soft_labels,
                                   const ValidationPart* validation, Retriever& retriever);

}  // namespace reaugkd::evaluation
