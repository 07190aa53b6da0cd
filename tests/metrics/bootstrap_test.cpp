#include "metrics/bootstrap.h"

#include <cmath>
#include <vector>

#include "catch.h"

namespace reaugkd::metrics {
namespace {

TEST_CASE("the interval of an accuracy is that of the binomial distribution") {
  constexpr std::size_t kRows = 400;
  std::vector<double> labels(kRows, 1);
  std::vector<double> predictions(kRows, 1);
  for (std::size_t i = 0; i < kRows / 4; ++i) predictions[i] = 0;  // 75 % right
  const auto interval = bootstrap_interval(metric("accuracy"), predictions, labels, 1, 7);
  const double half = 1.96 * std::sqrt(0.75 * 0.25 / kRows);  // 0.0424
  CHECK(std::abs(interval.low - (0.75 - half)) < 0.01);
  CHECK(std::abs(interval.high - (0.75 + half)) < 0.01);
}

TEST_CASE("an interval depends on its seed only") {
  const std::vector<double> labels = {1, 0, 1, 0, 1, 0, 1, 1};
  const std::vector<double> predictions = {1, 0, 0, 0, 1, 1, 1, 1};
  const auto interval = [&](std::uint64_t seed) {
    return bootstrap_interval(metric("f1"), predictions, labels, 1, seed);
  };
  CHECK(interval(1).low == interval(1).low);
  CHECK(interval(1).high == interval(1).high);
  CHECK(interval(1).low < interval(1).high);
}

TEST_CASE("what is always right has no width") {
  const std::vector<double> labels = {1, 0, 1};
  const auto interval = bootstrap_interval(metric("accuracy"), labels, labels, 1, 1);
  CHECK(interval.low == 1);
  CHECK(interval.high == 1);
}

}  // namespace
}  // namespace reaugkd::metrics
