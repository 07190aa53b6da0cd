#include "retrieval/beta.h"

#include <cmath>

#include "base/error.h"
#include "catch.h"
#include "retrieval/selection.h"

namespace reaugkd::retrieval {
namespace {

TEST_CASE("the features of beta by hand") {
  const auto student = torch::tensor({{0.5F, 0.5F}, {0.75F, 0.25F}, {1.0F, 0.0F}});
  const Neighbors neighbors{torch::tensor({{1, 0}, {2, 1}, {0, 1}}, torch::kInt64),
                            torch::tensor({{0.8F, 0.6F}, {0.5F, 0.25F}, {-0.5F, -0.75F}})};
  const auto entropy = beta_features(BetaMode::kEntropy, student, neighbors);
  CHECK(entropy[0].item<double>() == Approx(std::log(2.0)));
  CHECK(entropy[1].item<double>() == Approx(std::log(4.0) - 0.75 * std::log(3.0)));
  CHECK(entropy[2].item<double>() == 0);  // 0 log 0 = 0
  const auto nearest = beta_features(BetaMode::kSimilarity, student, neighbors);
  CHECK(nearest[0].item<double>() == Approx(0.8));
  CHECK(nearest[2].item<double>() == Approx(-0.5));
}

TEST_CASE("beta of a row by hand") {
  // logit(3/4) = log 3; one unit above the center with slope -log 3: logit 0; below: log 9.
  const BetaRule rule{BetaMode::kEntropy, -std::log(3.0), 0.5};
  const auto beta = beta_of_rows(0.75, rule, torch::tensor({0.5, 1.5, -0.5}, torch::kFloat64));
  CHECK(beta[0].item<double>() == Approx(0.75));
  CHECK(beta[1].item<double>() == Approx(0.5));
  CHECK(beta[2].item<double>() == Approx(0.9));
  for (const double end : {0.0, 1.0}) {
    CHECK(beta_of_rows(end, rule, torch::ones({2}, torch::kFloat64))[1].item<double>() == end);
  }
  const auto constant = beta_of_rows(0.3, {}, torch::tensor({5.0, 6.0}, torch::kFloat64));
  CHECK(constant[1].item<double>() == 0.3);
}

TEST_CASE("a student that errs where it is unsure gets a beta that falls with its entropy") {
  // Two sure rows, right where the neighbour is wrong; two unsure rows, wrong where it is right.
  const auto student =
      torch::tensor({{0.95F, 0.05F}, {0.05F, 0.95F}, {0.45F, 0.55F}, {0.55F, 0.45F}});
  const auto labels = torch::tensor({0.0F, 1.0F, 0.0F, 1.0F});
  const auto soft_labels = torch::tensor({{0.9F, 0.1F}, {0.1F, 0.9F}});
  const Neighbors neighbors{torch::tensor({{1}, {0}, {0}, {1}}, torch::kInt64),
                            torch::full({4, 1}, 0.5F)};
  RetrievalGrid grid{{1}, {0, 0.5, 1}, {0.1}, BetaMode::kEntropy, {-4, 0, 4}};
  const auto found = select_setting(grid, neighbors, {{{1}, soft_labels}}, student, labels,
                                    base::TaskKind::kClassification);
  CHECK(found.beta == 0.5);
  CHECK(found.rule.mode == BetaMode::kEntropy);
  // Two features, each two times: their deviation is half their distance.
  const double sure = -0.95 * std::log(0.95) - 0.05 * std::log(0.05);
  const double unsure = -0.45 * std::log(0.45) - 0.55 * std::log(0.55);
  CHECK(found.rule.slope == Approx(-4 / ((unsure - sure) / 2)).epsilon(1e-5));
  CHECK(found.rule.center == Approx((sure + unsure) / 2).epsilon(1e-5));
  // At one deviation beta is sigmoid(+-4): the loss by hand.
  const double high = 1 / (1 + std::exp(-4.0));
  const double expected =
      -(std::log(high * 0.95 + (1 - high) * 0.1) + std::log((1 - high) * 0.45 + high * 0.9)) / 2;
  CHECK(found.loss == Approx(expected).epsilon(1e-5));
  const auto p = predict(found, neighbors, soft_labels, student);
  CHECK(prediction_loss(p.combined, labels, base::TaskKind::kClassification) ==
        Approx(found.loss).epsilon(1e-6));
  CHECK(torch::equal(p.knowledge_base, soft_labels.index_select(0, torch::tensor({1, 0, 0, 1}))));

  grid.beta_mode = BetaMode::kConstant;  // the slopes are not looked at
  const auto constant = select_setting(grid, neighbors, {{{1}, soft_labels}}, student, labels,
                                       base::TaskKind::kClassification);
  CHECK(constant.rule.slope == 0);
  CHECK(constant.loss > found.loss);
  // Every row equally near: no deviation, so there is nothing to depend on.
  grid.beta_mode = BetaMode::kSimilarity;
  CHECK(select_setting(grid, neighbors, {{{1}, soft_labels}}, student, labels,
                       base::TaskKind::kClassification)
            .loss == constant.loss);
}

TEST_CASE("an unknown beta mode is refused") {
  CHECK_THROWS_AS(parse_beta_mode("distance"), base::ConfigError);
}

}  // namespace
}  // namespace reaugkd::retrieval
