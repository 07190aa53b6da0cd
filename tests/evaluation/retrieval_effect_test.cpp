// What eval reports about retrieval, on four rows counted by hand.
#include "evaluation/retrieval_effect.h"

#include <limits>

#include "catch.h"
#include "evaluation/two_classes.h"

namespace reaugkd::evaluation {
namespace {

using tests::two_classes;

TEST_CASE("changed predictions are counted over labelled rows", "[stages]") {
  const float unknown = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> labels = {1, 1, 0, 0, unknown};
  const auto student = two_classes({0.4F, 0.9F, 0.2F, 0.6F, 0.1F});
  const auto kb = two_classes({0.8F, 0.1F, 0.9F, 0.3F, 0.9F});
  // Mended, spoilt, unchanged, unchanged (still wrong); the unlabelled row does not count.
  const auto combined = two_classes({0.7F, 0.3F, 0.4F, 0.6F, 0.9F});
  const auto effect = changed_predictions(data::glue_task("sst2"), student, kb, combined, labels);
  CHECK(effect.changed == 2);
  CHECK(effect.outcome->wrong_to_right == 1);
  CHECK(effect.outcome->right_to_wrong == 1);
  // The better of the two for each row: kb, student, student, kb: all right.
  CHECK(effect.outcome->better_of_both.at("accuracy") == 1.0);
}

TEST_CASE("without any label the changed predictions of all rows are counted", "[stages]") {
  const float unknown = std::numeric_limits<float>::quiet_NaN();
  const auto effect = changed_predictions(
      data::glue_task("sst2"), two_classes({0.4F, 0.9F, 0.2F}), two_classes({0.8F, 0.1F, 0.9F}),
      two_classes({0.7F, 0.8F, 0.6F}), {unknown, unknown, unknown});
  CHECK(effect.changed == 2);
  CHECK_FALSE(effect.outcome.has_value());
}

TEST_CASE("the better of two is the one that is right, whatever the label's probability",
          "[stages]") {
  data::Task task = data::glue_task("mnli");
  const auto student = torch::tensor({{0.4F, 0.35F, 0.25F}, {0.1F, 0.45F, 0.45F}});
  const auto kb = torch::tensor({{0.45F, 0.5F, 0.05F}, {0.4F, 0.3F, 0.3F}});
  const auto effect = changed_predictions(task, student, kb, student, {0, 0});
  CHECK(effect.outcome->better_of_both.at("accuracy") == 1.0);
}

TEST_CASE("agreement with an exact search", "[stages]") {
  retrieval::Neighbors exact{torch::tensor({{0, 1}, {2, 3}}, torch::kInt64),
                             torch::tensor({{0.9F, 0.9F}, {0.5F, 0.5F}})};
  retrieval::Neighbors found{torch::tensor({{0, 1}, {2, 0}}, torch::kInt64),
                             torch::tensor({{0.9F, 0.9F}, {0.5F, 0.5F}})};
  const auto soft_labels = two_classes({0.0F, 1.0F, 0.5F, 1.0F});
  const auto effect = index_agreement(found, exact, soft_labels, 0.1);
  CHECK(effect.recall == Approx(0.75));
  // Row 1: (0.5 + 1) / 2 against (0.5 + 0) / 2, in both classes; row 0: equal.
  CHECK(effect.largest_difference == Approx(0.5));
  CHECK(effect.mean_difference == Approx(0.25));
}

TEST_CASE("answers that an index changes are counted", "[stages]") {
  const auto neighbors = [](std::vector<std::int64_t> rows) {
    const auto indices = torch::tensor(rows, torch::kInt64).unsqueeze(1);
    return retrieval::Neighbors{indices, torch::full({indices.size(0), 1}, 0.5F)};
  };
  const auto exact = neighbors({0, 1, 0, 1});
  const auto soft_labels = two_classes({0.2F, 0.9F, 0.4F});
  // Row 0: another row of the same class; row 1: another class; row 3: nothing was found.
  const auto found = index_agreement(neighbors({2, 0, 0, -1}), exact, soft_labels, 0.1);
  CHECK(found.changed == 2);
  CHECK(found.recall == Approx(0.25));
  CHECK(found.largest_difference == Approx(0.9));
  CHECK_FALSE(found.same_answers());
  CHECK(index_agreement(exact, exact, soft_labels, 0.1).same_answers());
  CHECK(IndexAgreement{.examples = 1000, .changed = 1}.same_answers());
  CHECK_FALSE(IndexAgreement{.examples = 999, .changed = 1}.same_answers());

  // Scores: by more than a hundredth of their range.
  const auto scores = torch::tensor({{0.0F}, {5.0F}, {0.04F}, {0.06F}});
  CHECK(index_agreement(neighbors({2, 3}), neighbors({0, 0}), scores, 0.1).changed == 1);
}

}  // namespace
}  // namespace reaugkd::evaluation
