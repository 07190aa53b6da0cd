// Warnings on a handful of rows, by hand.
#include "evaluation/warnings.h"

#include <limits>

#include "catch.h"
#include "evaluation/two_classes.h"

namespace reaugkd::evaluation {
namespace {

const float kNoLabel = std::numeric_limits<float>::quiet_NaN();

using tests::two_classes;

TEST_CASE("predictions without signal are named", "[stages]") {
  const auto task = data::glue_task("sst2");
  const auto warnings = [&](const std::vector<float>& p, const std::vector<float>& labels) {
    return prediction_warnings("it", task, two_classes(p), labels);
  };
  CHECK(warnings({0.9F, 0.1F, 0.8F, 0.2F}, {1, 0, 1, 0}).empty());
  REQUIRE(warnings({0.9F, 0.8F}, {1, 0}).size() == 1);
  CHECK_THAT(warnings({0.9F, 0.8F}, {1, 0})[0], ContainsSubstring("\"1\" for every row"));
  REQUIRE(warnings({0.9F, 0.1F}, {0, 1}).size() == 1);
  CHECK_THAT(warnings({0.9F, 0.1F}, {0, 1})[0], ContainsSubstring("0.0000"));
  CHECK(prediction_warnings("it", data::glue_task("stsb"), torch::ones({4, 1}), {1, 2, 3, 4})
            .size() == 1);
  CHECK(prediction_warnings("it", data::glue_task("stsb"), torch::rand({4, 1}), {1, 2, 3, 4})
            .empty());
}

TEST_CASE("a signal has room below 1", "[stages]") {
  const auto task = data::glue_task("sst2");
  std::vector<float> labels(98, 0);
  labels.resize(100, 1);
  std::vector<float> right = labels;  // always answering 0 has 0.98
  CHECK(prediction_warnings("it", task, two_classes(right), labels).empty());
  right[98] = 0;  // half the way from there to 1
  CHECK(prediction_warnings("it", task, two_classes(right), labels).empty());
  right[0] = 1;
  CHECK(prediction_warnings("it", task, two_classes(right), labels).size() == 1);
  CHECK(prediction_warnings("it", task, two_classes({0.1F, 0.2F}), {0, 0}).empty());
  CHECK(prediction_warnings("it", task, two_classes({0.1F, 0.2F, 0.1F}), {kNoLabel, 0, 0}).empty());
  CHECK(prediction_warnings("it", task, two_classes({0.1F, 0.2F}), {kNoLabel, kNoLabel}).size() ==
        1);
}

TEST_CASE("labels without a correlation are named", "[stages]") {
  const auto task = data::glue_task("stsb");
  const auto warnings = equal_label_warnings("dev", task, {3, kNoLabel, 3});
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], ContainsSubstring("dev has the label 3.000"));
  CHECK(equal_label_warnings("dev", task, {3, 3, 2}).empty());
  CHECK(equal_label_warnings("dev", task, {3, kNoLabel}).empty());
  CHECK(equal_label_warnings("dev", task, {}).empty());
  CHECK(equal_label_warnings("dev", data::glue_task("sst2"), {1, 1}).empty());
}

TEST_CASE("a class that no row has is named", "[stages]") {
  const auto task = data::glue_task("mnli");
  CHECK(absent_class_warnings(task, {0, 1, 2, kNoLabel}).empty());
  CHECK(missing_row_warnings("SST-2.tsv", 0).empty());
  CHECK_THAT(missing_row_warnings("SST-2.tsv", 2).at(0),
             ContainsSubstring("SST-2.tsv lacks 2 rows"));
  REQUIRE(absent_class_warnings(task, {0, kNoLabel, 2}).size() == 1);
  CHECK_THAT(absent_class_warnings(task, {0, 2})[0], ContainsSubstring(task.labels[1]));
  CHECK(absent_class_warnings(task, {kNoLabel}).empty());
  CHECK(absent_class_warnings(data::glue_task("stsb"), {3}).empty());
}

TEST_CASE("collapsed embeddings are named", "[stages]") {
  CHECK(embedding_warnings("rows", torch::eye(4)).empty());
  CHECK(embedding_warnings("rows", torch::ones({5, 4}) / 2).size() == 1);
  CHECK(embedding_warnings("rows", torch::ones({1, 4}) / 2).empty());
}

TEST_CASE("an index that misses neighbors is named where p^KB is another", "[stages]") {
  CHECK(index_warnings({.recall = 0.5, .mean_difference = 0.001}).empty());
  const auto warnings = index_warnings({.recall = 0.84, .mean_difference = 0.045});
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], ContainsSubstring("finds 84 %"));
  // Few differ, but predictions do.
  const auto changed =
      index_warnings({.recall = 0.99, .mean_difference = 0.001, .examples = 872, .changed = 55});
  REQUIRE(changed.size() == 1);
  CHECK_THAT(changed[0], ContainsSubstring("changes 55 of 872 answers"));
  CHECK(ef_search_warnings({512, 0.98}).empty());
  CHECK_THAT(ef_search_warnings({512, 0.9}).at(0), ContainsSubstring("512, HNSW finds 90 %"));
}

TEST_CASE("a knowledge base with the scored texts is named, a few by chance are not", "[stages]") {
  CHECK(same_text_warnings(0, 0).empty());
  CHECK(same_text_warnings(8, 872).empty());
  const auto warnings = same_text_warnings(9, 872);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], ContainsSubstring("9 of 872"));
}

}  // namespace
}  // namespace reaugkd::evaluation
