#include "evaluation/hints.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "base/json.h"

namespace reaugkd::evaluation {
namespace {

constexpr double kPoint = 0.01;           // less is left to chance
constexpr std::int64_t kFewRows = 5;      // of a class
constexpr std::size_t kNamedClasses = 3;  // of those with few rows

}  // namespace

Warnings cut_hints(const std::string& what, std::int64_t cut, std::int64_t rows,
                   std::int64_t max_seq_length) {
  if (rows == 0 || cut < rows) return {};
  return {
      fmt::format("all {} rows of {} are longer than `max_seq_length` {} and are cut: give the "
                  "first command of the chain a larger one",
                  rows, what, max_seq_length)};
}

Warnings few_row_hints(const data::Task& task, const std::vector<float>& labels) {
  if (task.regression()) return {};
  std::vector<std::string> few;
  for (std::int64_t c = 0; c < task.num_labels(); ++c) {
    const auto rows = std::ranges::count(labels, static_cast<float>(c));
    if (rows == 0 || rows >= kFewRows) continue;  // of 0 absent_class_warnings tells
    few.push_back(fmt::format("\"{}\" has {}", task.labels[static_cast<std::size_t>(c)], rows));
  }
  if (few.empty()) return {};
  const std::size_t count = few.size();
  const std::string more = count > kNamedClasses ? ", ..." : "";
  few.resize(std::min(count, kNamedClasses));
  return {
      fmt::format("{} {} fewer than {} rows to train on ({}{}): add rows, or do not count on {}",
                  count, count == 1 ? "class has" : "classes have", kFewRows, fmt::join(few, ", "),
                  more, count == 1 ? "this class" : "these classes")};
}

std::vector<ScoreAtEpoch> validations_of(const std::filesystem::path& log,
                                         const std::string& metric) {
  std::vector<ScoreAtEpoch> validations;
  std::ifstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const auto json = base::Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) {
      throw base::ArtifactError("{}: a line is no JSON object: {}", log.string(), line);
    }
    if (!json.contains("validation")) continue;
    validations.push_back({base::json_at<double>(json, "epoch", log.string()),
                           base::json_at<double>(json["validation"], metric, log.string())});
  }
  return validations;
}

Warnings rising_hints(const std::string& metric, const std::vector<ScoreAtEpoch>& validations) {
  if (validations.empty()) return {};
  const ScoreAtEpoch& last = validations.back();
  double before = -std::numeric_limits<double>::infinity();
  for (const auto& each : validations) {
    if (each.epoch <= last.epoch - 1) before = std::max(before, each.score);
  }
  if (!std::isfinite(before) || last.score < before + kPoint) return {};
  return {
      fmt::format("the {} on the validation part still rose in the last epoch, from {:.4f} to "
                  "{:.4f}: give more `epochs`, or a higher `learning_rate`",
                  metric, before, last.score)};
}

Warnings neighbor_hints(double knn_accuracy, double teacher_accuracy) {
  if (knn_accuracy < teacher_accuracy + kPoint) return {};
  return {
      fmt::format("the nearest neighbors find the label of {:.1f} % of the held-out rows, the "
                  "teacher itself of {:.1f} %: train the teacher longer (`epochs`), or raise its "
                  "`learning_rate`",
                  100 * knn_accuracy, 100 * teacher_accuracy)};
}

Warnings refused_hints(const RefusedSetting& refused) {
  if (refused.score < refused.score_student + kPoint) return {};
  const auto& setting = refused.setting;
  return {fmt::format(
      "the loss refused retrieval, by {} it would have helped: {:.4f} on {} with k = {}, beta = "
      "{:.3g}, tau = {:.3g}, the student alone {:.4f}: `select_by` metric takes this setting",
      refused.metric, refused.score, refused.selected_on, setting.k, setting.beta, setting.tau,
      refused.score_student)};
}

}  // namespace reaugkd::evaluation
