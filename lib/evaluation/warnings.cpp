#include "evaluation/warnings.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "evaluation/calibration.h"
#include "retrieval/fp32_rows.h"
#include "train/predict.h"

namespace reaugkd::evaluation {
namespace {

constexpr double kSignal = 0.03;     // above the majority class, or half the way to 1: less is none
constexpr double kCollapsed = 0.98;  // mean cosine similarity
constexpr double kIndexMisses = 0.01;  // mean |p^KB - p^KB_exact|
constexpr double kSameTexts = 0.01;    // of the scored rows
constexpr double kSameScore = 1e-3;    // standard deviation of a regression's scores

}  // namespace

void append(Warnings& warnings, const Warnings& more) {
  warnings.insert(warnings.end(), more.begin(), more.end());
}

Warnings score_warnings(const std::string& what, const data::Task& task,
                        const metrics::Scores& scores, const std::vector<float>& labels) {
  const metrics::Scores majority = majority_score(task, labels);
  const std::string metric = scores.find("accuracy") ? "accuracy" : task.metrics.front();
  if (!scores.find(metric) || !majority.find(metric)) return {};
  const double score = scores.at(metric);
  const double of_majority = majority.at(metric);
  if (score >= of_majority + std::min(kSignal, (1 - of_majority) / 2)) return {};
  return {
      fmt::format("no signal: {} has {} {:.4f}, always answering the most frequent class has "
                  "{:.4f}",
                  what, metric, score, of_majority)};
}

Warnings missing_row_warnings(const std::string& submission, std::int64_t skipped) {
  if (skipped == 0) return {};
  return {
      fmt::format("{} lacks {} rows that could not be read: GLUE takes it with all of them only",
                  submission, skipped)};
}

Warnings absent_class_warnings(const data::Task& task, const std::vector<float>& labels) {
  const bool labelled =
      std::any_of(labels.begin(), labels.end(), [](float label) { return !std::isnan(label); });
  Warnings warnings;
  for (std::int64_t c = 0; labelled && !task.regression() && c < task.num_labels(); ++c) {
    if (std::find(labels.begin(), labels.end(), static_cast<float>(c)) != labels.end()) continue;
    warnings.push_back(fmt::format("no row that is trained on has the label \"{}\"",
                                   task.labels[static_cast<std::size_t>(c)]));
  }
  return warnings;
}

Warnings equal_label_warnings(const std::string& what, const data::Task& task,
                              std::vector<float> labels) {
  std::erase_if(labels, [](float label) { return std::isnan(label); });
  const bool equal = std::all_of(labels.begin(), labels.end(),
                                 [&](float label) { return label == labels.front(); });
  if (!task.regression() || labels.size() < 2 || !equal) return {};
  return {
      fmt::format("every row of {} has the label {:.3f}: a correlation with it is not defined, 0 "
                  "stands for it",
                  what, labels.front())};
}

Warnings prediction_warnings(const std::string& what, const data::Task& task,
                             const torch::Tensor& probabilities, const std::vector<float>& labels) {
  Warnings warnings;
  const auto decisions = train::decisions_of(probabilities, task.kind());
  if (decisions.size() < 2) return warnings;
  if (task.regression()) {
    if (probabilities.to(torch::kFloat64).std().item<double>() < kSameScore) {
      warnings.push_back(fmt::format("{} gives every row nearly the same score ({:.3f})", what,
                                     decisions.front()));
    }
    return warnings;
  }
  const bool one_class = std::all_of(decisions.begin(), decisions.end(),
                                     [&](double decision) { return decision == decisions[0]; });
  std::set<float> classes;
  for (const float label : labels) {
    if (!std::isnan(label)) classes.insert(label);
  }
  if (one_class && classes.size() != 1) {
    return {
        fmt::format("{} predicts \"{}\" for every row: it has learnt nothing; try another "
                    "`learning_rate`, more epochs or another `seed`",
                    what, task.labels[static_cast<std::size_t>(decisions[0])])};
  }
  return score_warnings(what, task, train::score(task, probabilities, labels), labels);
}

Warnings embedding_warnings(const std::string& what, const torch::Tensor& unit_rows) {
  const auto n = static_cast<double>(unit_rows.size(0));
  if (n < 2) return {};
  // The mean over pairs i != j of z_i.z_j is (|sum z|^2 - n) / (n (n - 1)).
  const auto sum = retrieval::sum_of_rows(unit_rows);
  const double mean = (sum.square().sum().item<double>() - n) / (n * (n - 1));
  if (mean <= kCollapsed) return {};
  return {
      fmt::format("{} have collapsed: their mean cosine similarity is {:.4f}, so nearest "
                  "neighbors mean little",
                  what, mean)};
}

Warnings index_warnings(const IndexAgreement& agreement) {
  const double difference = agreement.mean_difference;
  if (difference <= kIndexMisses && agreement.same_answers()) return {};
  return {fmt::format(
      "the HNSW index finds {:.4g} % of the nearest neighbors, which moves p^KB by {:.3f} on "
      "average and by {:.3f} at most, and changes {} of {} answers of the knowledge base: use "
      "`index` exact, or more candidates (`ef_search`, `grid_ef_search`)",
      100 * agreement.recall, difference, agreement.largest_difference, agreement.changed,
      agreement.examples)};
}

Warnings ef_search_warnings(const SelectedEfSearch& selected) {
  if (selected.recall >= kEnoughRecall) return {};
  return {fmt::format(
      "`grid_ef_search`: with the largest, {}, HNSW finds {:.0f} % of the nearest neighbors of the "
      "validation part, not {:.0f} %: give larger ones, or `index` exact",
      selected.ef_search, 100 * selected.recall, 100 * kEnoughRecall)};
}

Warnings same_text_warnings(std::int64_t same, std::int64_t count) {
  if (static_cast<double>(same) <= kSameTexts * static_cast<double>(count)) return {};
  return {
      fmt::format("{} of {} scored rows have the text of a knowledge base row, which answers them: "
                  "`exclude_same_text` leaves it out",
                  same, count)};
}

}  // namespace reaugkd::evaluation
