#include "stages/quality.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"
#include "metrics/metrics.h"
#include "retrieval/fp32_rows.h"
#include "train/predict.h"

namespace reaugkd::stages {
namespace {

constexpr double kSignal = 0.03;     // above the majority class, or half the way to 1: less is none
constexpr double kCollapsed = 0.98;  // mean cosine similarity
constexpr double kIndexMisses = 0.01;  // mean |p^KB - p^KB_exact|
constexpr double kSameTexts = 0.01;    // of the scored rows
constexpr double kSameScore = 1e-3;    // standard deviation of a regression's scores

}  // namespace

core::Json calibration(const data::Task& task, const torch::Tensor& probabilities,
                       const std::vector<float>& labels) {
  std::vector<double> values;
  std::vector<std::int64_t> classes;
  double confidence = 0;
  const auto rows = probabilities.to(torch::kFloat32).contiguous();
  for (std::int64_t i = 0; !task.regression() && i < rows.size(0); ++i) {
    if (std::isnan(labels[i])) continue;
    const float* row = rows.data_ptr<float>() + i * rows.size(1);
    values.insert(values.end(), row, row + rows.size(1));
    classes.push_back(static_cast<std::int64_t>(labels[i]));
    confidence += *std::max_element(row, row + rows.size(1));
  }
  if (classes.empty()) return core::Json::object();
  return {{"mean_confidence", confidence / static_cast<double>(classes.size())},
          {"expected_calibration_error",
           metrics::expected_calibration_error(values, task.num_labels(), classes)},
          {"nll", metrics::negative_log_likelihood(values, task.num_labels(), classes)}};
}

core::Json teacher_quality(const data::Task& task, const torch::Tensor& soft_labels,
                           const std::vector<float>& labels) {
  core::Json json = train::score(task, soft_labels, labels);
  json.update(calibration(task, soft_labels, labels));
  return json;
}

core::Json majority_score(const data::Task& task, const std::vector<float>& labels) {
  std::map<float, std::int64_t> counts;
  for (const float label : labels) {
    if (!std::isnan(label)) ++counts[label];
  }
  if (task.regression() || counts.empty()) return core::Json::object();
  const auto most = std::max_element(counts.begin(), counts.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  auto predictions = torch::zeros({static_cast<std::int64_t>(labels.size()), task.num_labels()});
  predictions.select(1, static_cast<std::int64_t>(most->first)).fill_(1);
  return train::score(task, predictions, labels);
}

std::vector<std::string> score_warnings(const std::string& what, const data::Task& task,
                                        const core::Json& scores,
                                        const std::vector<float>& labels) {
  const core::Json majority = majority_score(task, labels);
  const std::string metric = scores.contains("accuracy") ? "accuracy" : task.metrics.front();
  if (!scores.contains(metric) || !majority.contains(metric)) return {};
  const auto score = scores[metric].get<double>();
  const auto of_majority = majority[metric].get<double>();
  if (score >= of_majority + std::min(kSignal, (1 - of_majority) / 2)) return {};
  return {
      fmt::format("no signal: {} has {} {:.4f}, always answering the most frequent class has "
                  "{:.4f}",
                  what, metric, score, of_majority)};
}

std::vector<std::string> missing_row_warnings(const std::string& submission, std::int64_t skipped) {
  if (skipped == 0) return {};
  return {
      fmt::format("{} lacks {} rows that could not be read: GLUE takes it with all of them only",
                  submission, skipped)};
}

std::vector<std::string> absent_class_warnings(const data::Task& task,
                                               const std::vector<float>& labels) {
  const bool labelled =
      std::any_of(labels.begin(), labels.end(), [](float label) { return !std::isnan(label); });
  std::vector<std::string> warnings;
  for (std::int64_t c = 0; labelled && !task.regression() && c < task.num_labels(); ++c) {
    if (std::find(labels.begin(), labels.end(), static_cast<float>(c)) != labels.end()) continue;
    warnings.push_back(fmt::format("no row that is trained on has the label \"{}\"",
                                   task.labels[static_cast<std::size_t>(c)]));
  }
  return warnings;
}

std::vector<std::string> equal_label_warnings(const std::string& what, const data::Task& task,
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

std::vector<std::string> prediction_warnings(const std::string& what, const data::Task& task,
                                             const torch::Tensor& probabilities,
                                             const std::vector<float>& labels) {
  std::vector<std::string> warnings;
  const auto decisions = train::decisions_of(probabilities, task.regression());
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
                    "--learning-rate, more "
                    "epochs or another --seed",
                    what, task.labels[static_cast<std::size_t>(decisions[0])])};
  }
  return score_warnings(what, task, train::score(task, probabilities, labels), labels);
}

std::vector<std::string> embedding_warnings(const std::string& what,
                                            const torch::Tensor& unit_rows) {
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

std::vector<std::string> index_warnings(const core::Json& agreement) {
  const double difference = agreement.at("mean_difference").get<double>();
  if (difference <= kIndexMisses) return {};
  return {fmt::format(
      "the HNSW index finds {:.0f} % of the nearest neighbors, which moves p^KB by {:.3f} on "
      "average: use --index exact, or more candidates (--ef-search, --grid-ef-search)",
      100 * agreement.at("recall").get<double>(), difference)};
}

std::vector<std::string> ef_search_warnings(const SelectedEfSearch& selected) {
  if (selected.recall >= kEnoughRecall) return {};
  return {fmt::format(
      "--grid-ef-search: with the largest, {}, HNSW finds {:.0f} % of the nearest neighbors of the "
      "validation part, not {:.0f} %: give larger ones, or --index exact",
      selected.ef_search, 100 * selected.recall, 100 * kEnoughRecall)};
}

std::vector<std::string> same_text_warnings(std::int64_t same, std::int64_t count) {
  if (static_cast<double>(same) <= kSameTexts * static_cast<double>(count)) return {};
  return {
      fmt::format("{} of {} scored rows have the text of a knowledge base row, which answers them: "
                  "--exclude-same-text leaves it out",
                  same, count)};
}

void add_warnings(core::Json& metrics, const std::vector<std::string>& warnings) {
  for (const auto& warning : warnings) {
    spdlog::warn("{}", warning);
    metrics["warnings"].push_back(warning);
  }
}

void judge(const data::Task& task, const std::vector<float>& labels,
           const RowPredictions& predictions, const torch::Tensor& embeddings,
           bool same_text_answers, core::Json& metrics) {
  const bool retrieved = predictions.knowledge_base.defined();
  const auto& student = retrieved ? predictions.student : predictions.final;
  if (const core::Json of_student = calibration(task, student, labels); !of_student.empty()) {
    metrics["majority"] = majority_score(task, labels);
    metrics["calibration"]["student"] = of_student;
    if (retrieved) {
      metrics["calibration"]["retrieval"] = calibration(task, predictions.knowledge_base, labels);
      metrics["calibration"]["combined"] = calibration(task, predictions.final, labels);
    }
  }
  add_warnings(metrics, equal_label_warnings("the scored part", task, labels));
  add_warnings(metrics, prediction_warnings("the student", task, student, labels));
  if (!retrieved) return;
  add_warnings(metrics, embedding_warnings("the student's embeddings", embeddings));
  // A copy: adding a warning to `metrics` moves what it holds.
  const core::Json retrieval = metrics.at("retrieval");
  if (same_text_answers) {
    add_warnings(metrics, same_text_warnings(retrieval.at("same_text").get<std::int64_t>(),
                                             static_cast<std::int64_t>(labels.size())));
  }
  if (!task.regression()) {
    add_warnings(metrics, index_warnings(retrieval.at("agreement_with_exact")));
  }
}

}  // namespace reaugkd::stages
