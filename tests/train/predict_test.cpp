// Scores and decisions of predictions, by hand.
#include "train/predict.h"

#include <limits>

#include "catch.h"

namespace data = reaugkd::data;
namespace train = reaugkd::train;

TEST_CASE("F1 is that of one label, whatever the order of classes", "[predict]") {
  const auto task = data::glue_task("mrpc");
  const auto moved = data::with_label_order(task, {"1", "0"});
  const auto p = torch::tensor({{0.9F, 0.1F}, {0.2F, 0.8F}, {0.3F, 0.7F}});
  const auto score = train::score(task, p, {0, 1, 0});
  CHECK(score.at("f1") == Approx(2.0 / 3));
  CHECK(train::score(moved, p.flip(1), {1, 0, 1}) == score);
}

TEST_CASE("scores leave unlabelled rows out", "[predict]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto p = torch::tensor({{0.9F, 0.1F}, {0.2F, 0.8F}, {0.5F, 0.5F}});
  const auto task = data::glue_task("sst2");
  CHECK(train::score(task, p, {0, 0, nan}).at("accuracy") == 0.5);
  CHECK(train::score(task, p, {nan, nan, nan}).empty());
  CHECK(train::decisions_of(p, reaugkd::base::TaskKind::kClassification) ==
        std::vector<double>{0, 1, 0});
}
