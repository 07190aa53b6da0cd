#include "metrics/bootstrap.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace reaugkd::metrics {

Interval bootstrap_interval(const Metric& metric, std::span<const double> predictions,
                            std::span<const double> labels, std::int64_t positive,
                            std::uint64_t seed) {
  constexpr std::size_t kSamples = 1000;
  const std::size_t rows = labels.size();
  REAUGKD_CHECK(rows > 0 && predictions.size() == rows, "{} predictions, {} labels",
                predictions.size(), rows);
  base::Random random(base::stream_seed(seed, "bootstrap"));
  std::vector<double> values;
  std::vector<double> sampled_predictions(rows);
  std::vector<double> sampled_labels(rows);
  for (std::size_t sample = 0; sample < kSamples; ++sample) {
    for (std::size_t i = 0; i < rows; ++i) {
      const auto row = random.below(rows);
      sampled_predictions[i] = predictions[row];
      sampled_labels[i] = labels[row];
    }
    values.push_back(metric.function(sampled_predictions, sampled_labels, positive));
  }
  std::ranges::sort(values);
  return {values[kSamples / 40], values[kSamples - 1 - kSamples / 40]};
}

}  // namespace reaugkd::metrics
