// How sure a metric is: a percentile bootstrap over the rows (Efron & Tibshirani 1993).
#pragma once

#include <cstdint>
#include <span>

#include "metrics/metrics.h"

namespace reaugkd::metrics {

struct Interval {
  double low = 0;
  double high = 0;
};

/// The middle 95 % of `metric` over 1,000 samples of the n > 0 rows with replacement, drawn by
/// `seed`. `positive` is the class of a metric of one class.
Interval bootstrap_interval(const Metric& metric, std::span<const double> predictions,
                            std::span<const double> labels, std::int64_t positive,
                            std::uint64_t seed);

}  // namespace reaugkd::metrics
