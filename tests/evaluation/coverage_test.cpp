#include "evaluation/coverage.h"

#include <cmath>

#include "catch.h"

namespace reaugkd::evaluation {
namespace {

data::Task two_classes() {
  data::Task task;
  task.labels = {"no", "yes"};
  return task;
}

// Sure 0.95 (right), 0.9 (right), 0.8 (wrong), 0.6 (right); the last has no label.
const torch::Tensor kFivePredictions =
    torch::tensor({0.05F, 0.95F, 0.9F, 0.1F, 0.2F, 0.8F, 0.6F, 0.4F, 0.01F, 0.99F}).view({5, 2});
const std::vector<float> kFiveLabels = {1, 0, 0, 0, NAN};

TEST_CASE("coverage counts the labelled rows that are sure enough, and which of them are right") {
  const auto points = coverage_points(two_classes(), kFivePredictions, kFiveLabels);
  REQUIRE(points.size() == 7);
  CHECK(points[0] == CoveragePoint{0.5, 1, 0.75});
  CHECK(points[2] == CoveragePoint{0.7, 0.75, 2.0 / 3});
  CHECK(points[5].min_probability == 0.95);
  CHECK(points[5].coverage == 0.25);
  CHECK(points[6] == CoveragePoint{0.99, 0, 1});
}

TEST_CASE("there is no coverage of scores, nor without labels") {
  data::Task scores;
  CHECK(coverage_points(scores, torch::zeros({2, 1}), {1, 2}).empty());
  CHECK(coverage_points(two_classes(), kFivePredictions.slice(0, 0, 1), {NAN}).empty());
}

TEST_CASE("the threshold for a precision answers as many rows as it can") {
  const auto for_all_right = threshold_for(1, kFivePredictions, kFiveLabels);
  REQUIRE(for_all_right);
  CHECK(for_all_right->coverage == 0.5);
  CHECK(for_all_right->accuracy == 1);
  CHECK(std::abs(for_all_right->min_probability - 0.9) < 1e-6);
  // Two of three are right at 0.8, but three of four at 0.6.
  const auto for_three_quarters = threshold_for(0.75, kFivePredictions, kFiveLabels);
  REQUIRE(for_three_quarters);
  CHECK(for_three_quarters->coverage == 1);
}

TEST_CASE("rows that are equally sure are answered together or not at all") {
  const auto same = torch::tensor({0.3F, 0.7F, 0.3F, 0.7F}).view({2, 2});
  CHECK_FALSE(threshold_for(1, same, {1, 0}));
  CHECK(threshold_for(0.5, same, {1, 0})->coverage == 1);
}

TEST_CASE("a precision that no probability reaches has no threshold") {
  CHECK_FALSE(threshold_for(0.5, kFivePredictions, {0, 1, 0, 1, NAN}));
}

}  // namespace
}  // namespace reaugkd::evaluation
