// Counts of confused classes and what is made of them: by hand, and beside scikit-learn.
#include "metrics/confusion.h"

#include <vector>

#include "base/error.h"
#include "catch.h"
#include "metrics/metrics.h"

using namespace reaugkd;
using Classes = std::vector<std::int64_t>;

namespace {

Approx near(double value) {
  return Approx(value).margin(1e-12).epsilon(1e-12);
}

// 0 is right once and taken for 1 twice; 1 is right; 2 is taken for 0; no row has or gets 3.
const Classes kLabels{0, 0, 0, 1, 2};
const Classes kPredictions{0, 1, 1, 1, 0};

}  // namespace

TEST_CASE("a confusion matrix counts rows by label and prediction", "[metrics]") {
  const metrics::ConfusionMatrix matrix(kPredictions, kLabels, 4);
  CHECK(matrix.at(0, 0) == 1);
  CHECK(matrix.at(0, 1) == 2);
  CHECK(matrix.at(1, 0) == 0);
  CHECK(matrix.at(2, 0) == 1);
  const auto zero = matrix.of_class(0);  // right 1 of 2 predicted, of 3 that have it
  CHECK(zero.support == 3);
  CHECK(zero.predicted == 2);
  CHECK(zero.precision == near(0.5));
  CHECK(zero.recall == near(1.0 / 3));
  CHECK(zero.f1 == near(2.0 / 5));
  CHECK(matrix.of_class(1).f1 == near(0.5));  // right 1 of 3 predicted, of 1
  CHECK(matrix.of_class(2).precision == 0.0);
  CHECK_FALSE(matrix.of_class(3).present());
}

TEST_CASE("averages over classes leave out classes that are not there", "[metrics]") {
  const metrics::ConfusionMatrix matrix(kPredictions, kLabels, 4);
  CHECK(matrix.macro_f1() == near((0.4 + 0.5 + 0) / 3));
  CHECK(matrix.weighted_f1() == near((3 * 0.4 + 1 * 0.5) / 5));
  CHECK(matrix.balanced_accuracy() == near((1.0 / 3 + 1 + 0) / 3));
  // A class that is predicted alone counts for F1, not for recall.
  const metrics::ConfusionMatrix one(Classes{0, 1}, Classes{0, 0}, 2);
  CHECK(one.macro_f1() == near((2.0 / 3 + 0) / 2));
  CHECK(one.balanced_accuracy() == near(0.5));
  const metrics::ConfusionMatrix none({}, {}, 2);
  CHECK(none.macro_f1() == 0.0);
  CHECK(none.weighted_f1() == 0.0);
  CHECK(none.balanced_accuracy() == 0.0);
}

TEST_CASE("scores by class are scikit-learn's", "[metrics]") {
  // scikit-learn 1.9.1: f1_score(average="macro"), f1_score(average="weighted"),
  // balanced_accuracy_score and precision_recall_fscore_support(labels=range(6), zero_division=0).
  const Classes labels{0, 2, 2, 0, 0, 2, 2, 0, 0, 2, 2, 0, 0, 2, 2, 0, 0, 2, 2, 0, 0, 2,
                       2, 0, 0, 2, 2, 0, 0, 2, 2, 0, 0, 2, 2, 0, 0, 2, 2, 0, 5, 5, 0, 1};
  const Classes predictions{3, 2, 2, 1, 0, 2, 3, 2, 0, 3, 2, 0, 1, 2, 4, 1, 0, 2, 3, 0, 0, 0,
                            2, 0, 1, 2, 2, 1, 2, 2, 3, 0, 0, 3, 2, 2, 1, 2, 2, 1, 0, 0, 3, 1};
  const metrics::ConfusionMatrix matrix(predictions, labels, 6);
  CHECK(matrix.macro_f1() == near(0.2483164983164983));
  CHECK(matrix.weighted_f1() == near(0.59366391184573));
  CHECK(matrix.balanced_accuracy() == near(0.5196428571428572));
  const auto zero = matrix.of_class(0);
  CHECK(zero.precision == near(0.75));
  CHECK(zero.recall == near(0.42857142857142855));
  CHECK(zero.f1 == near(0.5454545454545454));
  CHECK(matrix.of_class(1).f1 == near(0.2222222222222222));
  CHECK(matrix.of_class(2).precision == near(0.8125));
  CHECK(matrix.of_class(5).support == 2);
  // The table's metrics are the same.
  const std::vector<double> y(labels.begin(), labels.end());
  const std::vector<double> p(predictions.begin(), predictions.end());
  CHECK(metrics::metric("macro_f1").function(p, y, 1) == matrix.macro_f1());
  CHECK(metrics::metric("weighted_f1").function(p, y, 1) == matrix.weighted_f1());
  CHECK(metrics::metric("balanced_accuracy").function(p, y, 1) == matrix.balanced_accuracy());
}

TEST_CASE("the largest confusions come first", "[metrics]") {
  const metrics::ConfusionMatrix matrix(kPredictions, kLabels, 4);
  const auto confusions = metrics::largest_confusions(matrix, 10);
  REQUIRE(confusions.size() == 2);
  CHECK(confusions[0].label == 0);
  CHECK(confusions[0].prediction == 1);
  CHECK(confusions[0].rows == 2);
  CHECK(confusions[1].label == 2);
  CHECK(confusions[1].prediction == 0);
  CHECK(metrics::largest_confusions(matrix, 1).size() == 1);
  CHECK(metrics::largest_confusions({kLabels, kLabels, 3}, 10).empty());
}

TEST_CASE("a confusion matrix takes known classes alone", "[metrics]") {
  CHECK_THROWS_AS(metrics::ConfusionMatrix(Classes{2}, Classes{0}, 2), base::InternalError);
  CHECK_THROWS_AS(metrics::ConfusionMatrix(Classes{0}, Classes{-1}, 2), base::InternalError);
  CHECK_THROWS_AS(metrics::ConfusionMatrix(Classes{0}, Classes{}, 2), base::InternalError);
}
