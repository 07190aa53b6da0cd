#include "metrics/metrics.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "catch.h"

using namespace reaugkd;
using Classes = std::vector<std::int64_t>;
using Scores = std::vector<double>;

namespace {

// Sums of a few exact numbers: only the last bits may differ.
Approx near(double value) {
  return Approx(value).margin(1e-12).epsilon(1e-12);
}

}  // namespace

TEST_CASE("accuracy is the share of equal entries", "[metrics]") {
  CHECK(metrics::accuracy(Classes{0, 1, 2, 1}, Classes{0, 1, 1, 1}) == 0.75);
  CHECK(metrics::accuracy(Classes{2}, Classes{1}) == 0.0);
}

TEST_CASE("f1 is that of the positive class", "[metrics]") {
  // TP 2, FP 1, FN 1: 4 / 6.
  CHECK(metrics::f1(Classes{1, 1, 1, 0, 0}, Classes{1, 1, 0, 1, 0}) == near(2.0 / 3.0));
  CHECK(metrics::f1(Classes{0, 0}, Classes{0, 0}) == 0.0);
  CHECK(metrics::f1(Classes{0, 0}, Classes{1, 0}) == 0.0);
  CHECK(metrics::f1(Classes{1, 0}, Classes{1, 0}) == 1.0);
  CHECK(metrics::f1(Classes{0, 0, 0, 1, 1}, Classes{0, 0, 1, 0, 1}, 0) == near(2.0 / 3.0));
}

TEST_CASE("matthews_correlation of two classes is the phi coefficient", "[metrics]") {
  // TP 3, TN 2, FP 1, FN 2: (6 - 2) / sqrt(4 * 5 * 3 * 4) = 4 / sqrt(240).
  const Classes predictions{1, 1, 1, 0, 0, 1, 0, 0};
  const Classes labels{1, 1, 1, 0, 0, 0, 1, 1};
  CHECK(metrics::matthews_correlation(predictions, labels) == near(4.0 / std::sqrt(240.0)));
}

TEST_CASE("matthews_correlation of three classes follows Gorodkin", "[metrics]") {
  // n 6, correct 4, p (2 2 2), t (3 2 1): (24 - 12) / sqrt(36 - 12) / sqrt(36 - 14).
  const Classes predictions{0, 0, 1, 1, 2, 2};
  const Classes labels{0, 0, 0, 1, 2, 1};
  CHECK(metrics::matthews_correlation(predictions, labels) == near(12.0 / std::sqrt(24.0 * 22.0)));
}

TEST_CASE("matthews_correlation is 1 for equal, -1 for opposite, 0 for constant sides",
          "[metrics]") {
  const Classes labels{0, 1, 1, 0, 1};
  CHECK(metrics::matthews_correlation(labels, labels) == near(1.0));
  CHECK(metrics::matthews_correlation(Classes{1, 0, 0, 1, 0}, labels) == near(-1.0));
  CHECK(metrics::matthews_correlation(Classes{1, 1, 1, 1, 1}, labels) == 0.0);
  CHECK(metrics::matthews_correlation(labels, Classes{0, 0, 0, 0, 0}) == 0.0);
}

TEST_CASE("pearson by hand", "[metrics]") {
  // x - 2 = (-1 0 1), y - 3 = (-2 1 1): 3 / sqrt(2 * 6).
  CHECK(metrics::pearson(Scores{1, 2, 3}, Scores{1, 4, 4}) == near(3.0 / std::sqrt(12.0)));
}

TEST_CASE("pearson ignores scale and shift, and is 0 on a constant side", "[metrics]") {
  const Scores labels{0.3, 4.1, 2.2, 5.0, 1.7};
  Scores scaled;
  for (const double y : labels) scaled.push_back(-3.0 * y + 1e3);
  CHECK(metrics::pearson(scaled, labels) == near(-1.0));
  CHECK(metrics::pearson(Scores(5, 2.0), labels) == 0.0);
  CHECK(metrics::pearson(labels, Scores(5, 2.0)) == 0.0);
  // Ten times 0.1 has the mean 0.09999999999999999: rounding must not count as spread.
  CHECK(metrics::pearson(Scores(10, 0.1), Scores(10, 0.1)) == 0.0);
  CHECK(metrics::pearson(Scores{1}, Scores{2}) == 0.0);
}

TEST_CASE("spearmanr gives ties their mean rank", "[metrics]") {
  // Ranks (1 2.5 2.5 4) and (1 2 3 4), deviations (-1.5 0 0 1.5) and (-1.5 -.5 .5 1.5):
  // 4.5 / sqrt(4.5 * 5).
  CHECK(metrics::spearmanr(Scores{1, 7, 7, 9}, Scores{10, 20, 30, 40}) ==
        near(4.5 / std::sqrt(22.5)));
}

TEST_CASE("spearmanr sees only the order", "[metrics]") {
  const Scores labels{3, 1, 2, 5, 4};
  Scores grown;
  for (const double y : labels) grown.push_back(std::exp(y));
  CHECK(metrics::spearmanr(grown, labels) == near(1.0));
  CHECK(metrics::spearmanr(Scores(5, 2.5), labels) == 0.0);
}

TEST_CASE("correlations refuse numbers that are not finite", "[metrics]") {
  const Scores bad{1, std::numeric_limits<double>::quiet_NaN()};
  CHECK_THROWS_AS(metrics::pearson(bad, Scores{1, 2}), base::NumericError);
  CHECK_THROWS_AS(metrics::spearmanr(Scores{1, 2}, bad), base::NumericError);
}

TEST_CASE("negative_log_likelihood is the mean over rows, bounded at 1e-12", "[metrics]") {
  const Scores probabilities{0.25, 0.75, 0.5, 0.5};
  CHECK(metrics::negative_log_likelihood(probabilities, 2, Classes{1, 0}) ==
        near(-(std::log(0.75) + std::log(0.5)) / 2));
  CHECK(metrics::negative_log_likelihood(Scores{0, 1}, 2, Classes{0}) == near(-std::log(1e-12)));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(metrics::negative_log_likelihood(Scores{nan, nan}, 2, Classes{0})));
}

TEST_CASE("expected_calibration_error by hand", "[metrics]") {
  // Two bins. (0, .5]: .5 right. (.5, 1]: .9 right, .7 wrong, .6 right.
  // |1 - .5| + |2 - 2.2| = .7 over 4 rows.
  const Scores probabilities{0.5, 0.5, 0.9, 0.1, 0.7, 0.3, 0.4, 0.6};
  const Classes labels{0, 0, 1, 1};
  CHECK(metrics::expected_calibration_error(probabilities, 2, labels, 2) == near(0.7 / 4));
  // Fifteen bins keep them apart: .5 + .1 + .7 + .4.
  CHECK(metrics::expected_calibration_error(probabilities, 2, labels) == near(1.7 / 4));
}

TEST_CASE("expected_calibration_error is 0 for a sure model that is right, 1 if always wrong",
          "[metrics]") {
  CHECK(metrics::expected_calibration_error(Scores{1, 0, 0, 1}, 2, Classes{0, 1}) == 0.0);
  CHECK(metrics::expected_calibration_error(Scores{1, 0, 0, 1}, 2, Classes{1, 0}) == 1.0);
}

namespace {

double by_name(const std::string& name, std::span<const double> predictions,
               std::span<const double> labels) {
  return metrics::metric(name).function(predictions, labels, 1);
}

}  // namespace

TEST_CASE("the table agrees with the functions and lists the names it knows", "[metrics]") {
  const Scores predictions{1, 1, 1, 0, 0};
  const Scores labels{1, 1, 0, 1, 0};
  CHECK(by_name("accuracy", predictions, labels) == near(0.6));
  CHECK(by_name("f1", predictions, labels) == near(2.0 / 3.0));
  // TP 2, TN 1, FP 1, FN 1: (2 - 1) / sqrt(3 * 3 * 2 * 2); for 0 and 1 the same as the others.
  CHECK(by_name("matthews_correlation", predictions, labels) == near(1.0 / 6.0));
  CHECK(by_name("pearson", predictions, labels) == near(1.0 / 6.0));
  CHECK(by_name("spearmanr", predictions, labels) == near(1.0 / 6.0));
  CHECK_THROWS_AS(by_name("mcc", predictions, labels), base::ConfigError);
  CHECK_THROWS_WITH(by_name("mcc", predictions, labels), ContainsSubstring("matthews_correlation"));
}

TEST_CASE("metrics take sizes that fit and class indices only", "[metrics]") {
  CHECK_THROWS_AS(metrics::accuracy(Classes{}, Classes{}), base::InternalError);
  CHECK_THROWS_AS(metrics::f1(Classes{1}, Classes{1, 0}), base::InternalError);
  CHECK_THROWS_AS(metrics::matthews_correlation(Classes{-1}, Classes{0}), base::InternalError);
  CHECK_THROWS_AS(metrics::negative_log_likelihood(Scores{0.5, 0.5}, 2, Classes{2}),
                  base::InternalError);
  CHECK_THROWS_AS(by_name("accuracy", Scores{0.5}, Scores{1}), base::InternalError);
}

TEST_CASE("a metric of another's is one of the table", "[metrics]") {
  static const bool added = [] {
    metrics::add_metric({.name = "mean_absolute_error",
                         .needs = metrics::Needs::kScores,
                         .larger_is_better = false,
                         .function = [](std::span<const double> p, std::span<const double> y,
                                        std::int64_t) { return std::abs(p[0] - y[0]); }});
    return true;
  }();
  CHECK(added);
  CHECK(metrics::names_of(metrics::Needs::kScores).back() == "mean_absolute_error");
  CHECK(by_name("mean_absolute_error", Scores{0.5}, Scores{2}) == near(1.5));
}
