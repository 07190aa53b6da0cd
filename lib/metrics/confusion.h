// Which classes are taken for one another, and the scores that are made of these counts: of each
// class, and their averages. scikit-learn's definitions, with 0 where a quotient is 0 / 0.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace reaugkd::metrics {

/// How one class is predicted.
struct ClassScore {
  std::int64_t support = 0;    // rows that have the class
  std::int64_t predicted = 0;  // rows that are predicted to have it
  double precision = 0;        // right ones of the predicted
  double recall = 0;           // right ones of the support
  double f1 = 0;

  bool present() const { return support + predicted > 0; }
};

class ConfusionMatrix {
 public:
  /// Counts n class indices below `num_labels` of each side.
  ConfusionMatrix(std::span<const std::int64_t> predictions, std::span<const std::int64_t> labels,
                  std::int64_t num_labels);

  std::int64_t num_labels() const { return num_labels_; }
  /// Rows of class `label` that are predicted as `prediction`.
  std::int64_t at(std::int64_t label, std::int64_t prediction) const {
    return counts_[static_cast<std::size_t>(label * num_labels_ + prediction)];
  }
  ClassScore of_class(std::int64_t c) const;

  /// Mean F1 of the classes that are present: that a label or a prediction has.
  double macro_f1() const;
  /// Mean F1 of all classes, weighted by their support.
  double weighted_f1() const;
  /// Mean recall of the classes that a label has.
  double balanced_accuracy() const;

 private:
  std::int64_t num_labels_;
  std::vector<std::int64_t> counts_;  // (C, C), a row for each label
};

/// Classes that are taken for one another.
struct Confusion {
  std::int64_t label = 0;
  std::int64_t prediction = 0;
  std::int64_t rows = 0;
};

/// The largest counts beside the diagonal, at most `most`, none of 0; of equal ones the one of the
/// lower label, then prediction, first.
std::vector<Confusion> largest_confusions(const ConfusionMatrix& matrix, std::size_t most);

}  // namespace reaugkd::metrics
