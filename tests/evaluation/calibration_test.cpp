// Calibration on a handful of rows, by hand.
#include "evaluation/calibration.h"

#include <limits>

#include "catch.h"
#include "evaluation/two_classes.h"

namespace reaugkd::evaluation {
namespace {

const float kUnknown = std::numeric_limits<float>::quiet_NaN();

using tests::two_classes;

TEST_CASE("calibration is over labelled rows", "[stages]") {
  const auto scores =
      calibration(data::glue_task("sst2"), two_classes({0.8F, 0.8F, 0.1F}), {1, 0, kUnknown});
  CHECK(scores.at("mean_confidence") == Approx(0.8));
  // One bin: confidence 0.8, accuracy 0.5.
  CHECK(scores.at("expected_calibration_error") == Approx(0.3));
  CHECK(scores.at("nll") == Approx((-std::log(0.8) - std::log(0.2)) / 2));
  CHECK(calibration(data::glue_task("stsb"), torch::zeros({1, 1}), {1}).empty());
  CHECK(calibration(data::glue_task("sst2"), two_classes({0.8F}), {kUnknown}).empty());
}

TEST_CASE("the majority class leaves unlabelled rows out", "[stages]") {
  const auto scores = majority_score(data::glue_task("sst2"), {1, 0, 0, kUnknown, kUnknown});
  CHECK(scores.at("accuracy") == Approx(2.0 / 3));
}

}  // namespace
}  // namespace reaugkd::evaluation
