#include "metrics/confusion.h"

#include <algorithm>

#include "base/error.h"

namespace reaugkd::metrics {
namespace {

/// 0 / 0 is 0.
double quotient(std::int64_t above, std::int64_t below) {
  return below == 0 ? 0 : static_cast<double>(above) / static_cast<double>(below);
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(std::span<const std::int64_t> predictions,
                                 std::span<const std::int64_t> labels, std::int64_t num_labels)
    : num_labels_(num_labels), counts_(static_cast<std::size_t>(num_labels * num_labels), 0) {
  REAUGKD_CHECK(predictions.size() == labels.size(), "{} predictions, {} labels",
                predictions.size(), labels.size());
  const auto known = [&](std::int64_t c) { return c >= 0 && c < num_labels; };
  for (std::size_t i = 0; i < labels.size(); ++i) {
    REAUGKD_CHECK(known(labels[i]) && known(predictions[i]), "class {} predicted as {}, of {}",
                  labels[i], predictions[i], num_labels);
    ++counts_[static_cast<std::size_t>(labels[i] * num_labels + predictions[i])];
  }
}

ClassScore ConfusionMatrix::of_class(std::int64_t c) const {
  ClassScore score;
  for (std::int64_t other = 0; other < num_labels_; ++other) {
    score.support += at(c, other);
    score.predicted += at(other, c);
  }
  score.precision = quotient(at(c, c), score.predicted);
  score.recall = quotient(at(c, c), score.support);
  score.f1 = quotient(2 * at(c, c), score.support + score.predicted);
  return score;
}

double ConfusionMatrix::macro_f1() const {
  double sum = 0;
  std::int64_t classes = 0;
  for (std::int64_t c = 0; c < num_labels_; ++c) {
    const ClassScore score = of_class(c);
    sum += score.f1;
    classes += score.present() ? 1 : 0;
  }
  return classes == 0 ? 0 : sum / static_cast<double>(classes);
}

double ConfusionMatrix::weighted_f1() const {
  double sum = 0;
  std::int64_t rows = 0;
  for (std::int64_t c = 0; c < num_labels_; ++c) {
    const ClassScore score = of_class(c);
    sum += score.f1 * static_cast<double>(score.support);
    rows += score.support;
  }
  return rows == 0 ? 0 : sum / static_cast<double>(rows);
}

double ConfusionMatrix::balanced_accuracy() const {
  double sum = 0;
  std::int64_t classes = 0;
  for (std::int64_t c = 0; c < num_labels_; ++c) {
    const ClassScore score = of_class(c);
    sum += score.recall;
    classes += score.support > 0 ? 1 : 0;
  }
  return classes == 0 ? 0 : sum / static_cast<double>(classes);
}

std::vector<Confusion> largest_confusions(const ConfusionMatrix& matrix, std::size_t most) {
  std::vector<Confusion> confusions;
  for (std::int64_t label = 0; label < matrix.num_labels(); ++label) {
    for (std::int64_t prediction = 0; prediction < matrix.num_labels(); ++prediction) {
      const std::int64_t rows = matrix.at(label, prediction);
      if (label != prediction && rows > 0) confusions.push_back({label, prediction, rows});
    }
  }
  std::ranges::stable_sort(confusions, std::ranges::greater(), &Confusion::rows);
  if (confusions.size() > most) confusions.resize(most);
  return confusions;
}

}  // namespace reaugkd::metrics
