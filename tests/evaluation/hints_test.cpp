// Each hint is given where the numbers call for it, and not elsewhere.
#include "evaluation/hints.h"

#include <fstream>
#include <limits>

#include "base/error.h"
#include "catch.h"
#include "temporary_directory.h"

namespace reaugkd::evaluation {
namespace {

TEST_CASE("a hint says that all rows are cut", "[evaluation]") {
  const auto hints = cut_hints("the scored part", 8, 8, 16);
  REQUIRE(hints.size() == 1);
  CHECK_THAT(hints[0], ContainsSubstring("all 8 rows of the scored part"));
  CHECK_THAT(hints[0], ContainsSubstring("`max_seq_length` 16"));
  CHECK(cut_hints("the scored part", 7, 8, 16).empty());
  CHECK(cut_hints("the scored part", 0, 0, 16).empty());
}

TEST_CASE("a hint names the classes of fewer than five rows", "[evaluation]") {
  const float unlabelled = std::numeric_limits<float>::quiet_NaN();
  const auto task = data::glue_task("sst2");
  const auto hints = few_row_hints(task, {0, 0, 0, 0, 1, 1, 1, 1, 1, unlabelled});
  REQUIRE(hints.size() == 1);
  CHECK_THAT(hints[0],
             ContainsSubstring("1 class has fewer than 5 rows to train on (\"0\" has 4)"));
  CHECK(few_row_hints(task, {0, 0, 0, 0, 0, 1, 1, 1, 1, 1}).empty());
  CHECK(few_row_hints(task, {1, 1, 1, 1, 1}).empty());  // 0 is absent: another warning
  CHECK(few_row_hints(data::glue_task("stsb"), {1}).empty());
  data::Task many = task;  // one line, however many they are
  many.labels = {"a", "b", "c", "d"};
  CHECK_THAT(few_row_hints(many, {0, 1, 2, 3}).at(0),
             ContainsSubstring("4 classes have") && ContainsSubstring("\"c\" has 1, ...)"));
}

TEST_CASE("a hint says that the score still rose in the last epoch", "[evaluation]") {
  const auto hints = rising_hints("accuracy", {{1, 0.5}, {2, 0.6}, {3, 0.625}});
  REQUIRE(hints.size() == 1);
  CHECK_THAT(hints[0], ContainsSubstring("accuracy") && ContainsSubstring("0.6000 to 0.6250") &&
                           ContainsSubstring("`epochs`"));
  CHECK(rising_hints("accuracy", {{1, 0.5}, {2, 0.62}, {3, 0.625}}).empty());  // half a point
  CHECK(rising_hints("accuracy", {{1, 0.7}, {2, 0.6}, {3, 0.65}}).empty());    // it was better
  CHECK(rising_hints("accuracy", {{1, 0.5}}).empty());
  CHECK(rising_hints("accuracy", {}).empty());
  // Validations within the last epoch are not an epoch before.
  CHECK(rising_hints("accuracy", {{2, 0.6}, {2.5, 0.65}, {3, 0.65}}).size() == 1);
}

TEST_CASE("validations are read from the log", "[evaluation]") {
  const tests::TemporaryDirectory directory;
  const auto log = directory.path() / "train_log.jsonl";
  std::ofstream(log) << R"({"step":0,"epoch":0.5,"loss":1.5})"
                     << "\n"
                     << R"({"step":2,"epoch":1.0,"validation":{"accuracy":0.5,"f1":0.25}})"
                     << "\n";
  const auto validations = validations_of(log, "f1");
  REQUIRE(validations.size() == 1);
  CHECK(validations[0].epoch == 1.0);
  CHECK(validations[0].score == 0.25);
  CHECK_THROWS_AS(validations_of(log, "pearson"), base::ArtifactError);
  std::ofstream(log) << "{";
  CHECK_THROWS_AS(validations_of(log, "f1"), base::ArtifactError);
}

TEST_CASE("a hint says that the neighbors beat the teacher", "[evaluation]") {
  const auto hints = neighbor_hints(0.667, 0.642);
  REQUIRE(hints.size() == 1);
  CHECK_THAT(hints[0], ContainsSubstring("66.7 %") && ContainsSubstring("64.2 %") &&
                           ContainsSubstring("`learning_rate`"));
  CHECK(neighbor_hints(0.645, 0.642).empty());
  CHECK(neighbor_hints(0.5, 0.642).empty());
}

TEST_CASE("a hint says that the metric would have taken retrieval", "[evaluation]") {
  RefusedSetting refused{{.k = 8, .beta = 0.4, .tau = 0.05}, "accuracy", 0.87, 0.85, "holdout:0.1"};
  const auto hints = refused_hints(refused);
  REQUIRE(hints.size() == 1);
  CHECK_THAT(hints[0], ContainsSubstring("k = 8, beta = 0.4, tau = 0.05") &&
                           ContainsSubstring("`select_by` metric"));
  refused.score = 0.855;
  CHECK(refused_hints(refused).empty());
}

}  // namespace
}  // namespace reaugkd::evaluation
