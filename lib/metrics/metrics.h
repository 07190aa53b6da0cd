// GLUE's metrics, with the names that Hugging Face gives them, averages over classes, and the two
// that judge probabilities. Plain numbers in, plain numbers out. docs/developer/adding-a-metric.md
// shows how to add one to the table.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace reaugkd::metrics {

/// Share of equal entries. Both spans hold class indices, same size n > 0.
double accuracy(std::span<const std::int64_t> predictions, std::span<const std::int64_t> labels);

/// F1 of one class: 2 TP / (2 TP + FP + FN); 0 where there is neither.
double f1(std::span<const std::int64_t> predictions, std::span<const std::int64_t> labels,
          std::int64_t positive = 1);

/// Matthews correlation for any number of classes (Gorodkin 2004); 0 where a side is constant.
double matthews_correlation(std::span<const std::int64_t> predictions,
                            std::span<const std::int64_t> labels);

/// Pearson correlation; 0 where a side is constant. Throws NumericError on a number not finite.
double pearson(std::span<const double> predictions, std::span<const double> labels);

/// Spearman rank correlation, ties with their mean rank; 0 where a side is constant. Throws
/// NumericError on a number not finite.
double spearmanr(std::span<const double> predictions, std::span<const double> labels);

/// Mean of -log p[label]; `probabilities` is (n, C) row by row. A p below 1e-12 counts as 1e-12.
double negative_log_likelihood(std::span<const double> probabilities, std::int64_t num_labels,
                               std::span<const std::int64_t> labels);

/// Expected calibration error (Guo et al., ICML 2017), `bins` equal bins of the top probability.
double expected_calibration_error(std::span<const double> probabilities, std::int64_t num_labels,
                                  std::span<const std::int64_t> labels, std::int64_t bins = 15);

/// What a metric compares.
enum class Needs { kClasses, kScores };

/// One metric of the table. A task's first one selects the model, so of it larger must be better.
struct Metric {
  std::string name;  // as Hugging Face's `evaluate` has it
  Needs needs;
  bool of_one_class = false;  // of the positive class of two
  bool larger_is_better = true;
  /// Over n > 0 class indices or scores; `positive` is the class of a metric of_one_class.
  std::function<double(std::span<const double> predictions, std::span<const double> labels,
                       std::int64_t positive)>
      function;
};

/// The metric of this name. Throws ConfigError on another, listing those there are.
const Metric& metric(const std::string& name);
/// Names of the metrics that compare this.
std::vector<std::string> names_of(Needs needs);
/// Adds a metric of a new name to the table, before anything is run: for tests and for programs
/// that embed the library.
void add_metric(Metric metric);

}  // namespace reaugkd::metrics
