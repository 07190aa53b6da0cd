// What eval says of the classes: averages beside the task's metrics, the classes that are confused
// most, and the files classes.tsv and confusion.tsv. Classification alone.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/dataset.h"
#include "data/task.h"
#include "evaluation/prediction_files.h"
#include "metrics/scores.h"

namespace reaugkd::evaluation {

/// The task's metrics and, of a classification task, macro_f1, weighted_f1 and balanced_accuracy
/// behind them. Empty without labels. (n, C)
metrics::Scores scores_with_averages(const data::Task& task, const torch::Tensor& probabilities,
                                     const std::vector<float>& labels);

/// A row that was taken for another class.
struct ConfusedRow {
  std::int64_t row = 0;  // as predictions.tsv numbers it
  std::string text;      // on one line
};

/// Rows of one class that were taken for one other.
struct ConfusedClasses {
  std::string label;
  std::string prediction;
  std::int64_t rows = 0;
  std::vector<ConfusedRow> examples;  // the two whose wrong answer is the surest
};

/// The ten largest confusions of final probabilities (n, C), the largest first.
std::vector<ConfusedClasses> most_confused(const data::Task& task, const data::Dataset& rows,
                                           const torch::Tensor& probabilities);

base::Json to_json(const std::vector<ConfusedClasses>& confusions);
/// The inverse. Throws ArtifactError naming `where`.
std::vector<ConfusedClasses> confusions_of_json(const base::Json& json, const std::string& where);

/// A line for each class: precision, recall, F1 and support; with a knowledge base also the F1 of
/// the student and of retrieval alone. Throws IoError.
void write_classes(const std::filesystem::path& path, const data::Task& task,
                   const data::Dataset& rows, const RowPredictions& predictions);

/// A line for each label, a column for each prediction. Throws IoError.
void write_confusion(const std::filesystem::path& path, const data::Task& task,
                     const data::Dataset& rows, const torch::Tensor& probabilities);

}  // namespace reaugkd::evaluation
