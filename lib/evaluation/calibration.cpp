#include "evaluation/calibration.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "evaluation/class_report.h"
#include "metrics/metrics.h"
#include "train/predict.h"

namespace reaugkd::evaluation {

metrics::Scores calibration(const data::Task& task, const torch::Tensor& probabilities,
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
  if (classes.empty()) return {};
  return {{"mean_confidence", confidence / static_cast<double>(classes.size())},
          {"expected_calibration_error",
           metrics::expected_calibration_error(values, task.num_labels(), classes)},
          {"nll", metrics::negative_log_likelihood(values, task.num_labels(), classes)}};
}

metrics::Scores soft_label_quality(const data::Task& task, const torch::Tensor& soft_labels,
                                   const std::vector<float>& labels) {
  metrics::Scores scores = train::score(task, soft_labels, labels);
  scores.add(calibration(task, soft_labels, labels));
  return scores;
}

metrics::Scores majority_score(const data::Task& task, const std::vector<float>& labels) {
  std::map<float, std::int64_t> counts;
  for (const float label : labels) {
    if (!std::isnan(label)) ++counts[label];
  }
  if (task.regression() || counts.empty()) return {};
  const auto most = std::max_element(counts.begin(), counts.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  auto predictions = torch::zeros({static_cast<std::int64_t>(labels.size()), task.num_labels()});
  predictions.select(1, static_cast<std::int64_t>(most->first)).fill_(1);
  return scores_with_averages(task, predictions, labels);
}

}  // namespace reaugkd::evaluation
