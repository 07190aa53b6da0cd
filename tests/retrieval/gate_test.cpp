#include "retrieval/gate.h"

#include <cmath>

#include "base/error.h"
#include "catch.h"
#include "retrieval/answers.h"
#include "retrieval/embeddings.h"
#include "retrieval/selection.h"

namespace reaugkd::retrieval {
namespace {

TEST_CASE("what a gate looks at and makes of it, by hand") {
  const GateInput input{torch::tensor({{0.5F, 0.5F, 0.0F}}), torch::tensor({{0.25F, 0.0F, 0.75F}}),
                        2};
  const auto f = input.features()[0];
  REQUIRE(f.size(0) == static_cast<std::int64_t>(gate_feature_names().size()));
  CHECK(f[0].item<double>() == Approx(std::log(2.0)));
  CHECK(f[1].item<double>() == Approx(0.25 * std::log(4.0) + 0.75 * std::log(4.0 / 3)));
  CHECK(f[2].item<double>() == Approx(0.5));  // 0.5 * 0.25 / (1 - 0.75)
  CHECK(input.mass_of_new_classes()[0].item<double>() == 0.75);
  const auto p = combine(input, torch::full({1}, 0.8, torch::kFloat64))[0];
  CHECK(p[0].item<float>() == Approx(0.25 * 0.8 * 0.5 + 0.2 * 0.25));
  CHECK(p[1].item<float>() == Approx(0.25 * 0.8 * 0.5));
  CHECK(p[2].item<float>() == 0.75F);
  CHECK(p.sum().item<float>() == Approx(1));
}

TEST_CASE("without new classes a gate is equation 7 with a beta for each row") {
  const auto student = torch::softmax(tests::normal(5, 4, 1), 1);
  const auto knowledge_base = torch::softmax(tests::normal(5, 4, 2), 1);
  const auto beta = torch::linspace(0, 1, 5, torch::kFloat64);
  CHECK(torch::allclose(combine({student, knowledge_base, 4}, beta),
                        combine(student, knowledge_base, beta)));
}

/// What fit_gate() makes small, by the formula of its header.
double objective(const Gate& gate, const GateInput& input, const torch::Tensor& labels) {
  const auto known = (labels < static_cast<double>(input.known_classes)).nonzero().squeeze(1);
  const auto features = input.features().index_select(0, known);
  const auto beta = beta_of_rows(gate, features);
  const auto at = labels.index_select(0, known).to(torch::kInt64).unsqueeze(1);
  const auto column = [&](const torch::Tensor& p) {
    return p.index_select(0, known).gather(1, at).squeeze(1).to(torch::kFloat64);
  };
  const auto rest = 1 - input.mass_of_new_classes().index_select(0, known);
  const auto p = beta * column(input.student) + (1 - beta) * column(input.knowledge_base) / rest;
  const auto scaled =
      torch::tensor(gate.weights, torch::kFloat64) * features.std(0, /*unbiased=*/false);
  const auto offset =
      gate.bias + (torch::tensor(gate.weights, torch::kFloat64) * features.mean(0)).sum();
  const auto classes = static_cast<double>(input.student.size(1));
  return (-((1 - kFloor) * p + kFloor / classes).log().sum() + scaled.square().sum() / 2 +
          0.005 * offset.square())
      .item<double>();
}

TEST_CASE("a fitted gate is a minimum of its objective") {
  const auto labels = torch::arange(300).remainder(5).to(torch::kFloat32);
  const auto gold = torch::one_hot(labels.to(torch::kInt64), 5).to(torch::kFloat32);
  const auto student =
      widened(torch::softmax(2 * tests::normal(300, 4, 4) + 2 * gold.slice(1, 0, 4), 1), 5);
  const auto knowledge_base = torch::softmax(tests::normal(300, 5, 5) + 2 * gold, 1);
  const GateInput input{student, knowledge_base, 4};
  const Gate gate = fit_gate(input, labels);
  CHECK(gate.weights[0] < 0);  // less to a student that is unsure
  const double least = objective(gate, input, labels);
  for (std::size_t i = 0; i < 4; ++i) {
    for (const double step : {-1e-3, 1e-3}) {
      Gate moved = gate;
      (i == 3 ? moved.bias : moved.weights[i]) += step;
      CHECK(objective(moved, input, labels) > least - 1e-8);
    }
  }
  const Gate again = fit_gate(input, labels);
  CHECK(again.weights == gate.weights);
  CHECK(again.bias == gate.bias);
  CHECK(fit_gate(input, torch::full({300}, 4.0F)).bias == 0);  // no row of a known class
}

TEST_CASE("a class that the student cannot name is the knowledge base's to answer") {
  // Two classes that the student knows and a third one; the neighbor is always right.
  const auto soft_labels = torch::eye(3);
  const auto student =
      torch::tensor({{0.9F, 0.1F, 0.0F}, {0.1F, 0.9F, 0.0F}, {0.6F, 0.4F, 0.0F}}).repeat({20, 1});
  const auto labels = torch::tensor({0.0F, 1.0F, 2.0F}).repeat(20);
  const Neighbors neighbors{labels.to(torch::kInt64).unsqueeze(1), torch::full({60, 1}, 0.8F)};
  RetrievalGrid grid{{1}, {0, 1}, {0.1}, BetaMode::kGate};
  grid.known_classes = 2;
  const auto found = select_setting(grid, neighbors, {{{}, soft_labels}}, student, labels,
                                    base::TaskKind::kClassification);
  CHECK(found.rule.mode == BetaMode::kGate);
  CHECK(found.rule.known_classes == 2);
  const auto p =
      predict(found, neighbors, soft_labels, student.slice(1, 0, 2));  // as it knows them
  CHECK(torch::equal(p.combined.argmax(1), labels.to(torch::kInt64)));
  CHECK(floored_loss(p.combined, labels) == Approx(found.loss).epsilon(1e-5));
}

TEST_CASE("the floored loss by hand") {
  const auto p = torch::tensor({{1.0F, 0.0F}, {0.5F, 0.5F}});
  CHECK(floored_loss(p, torch::tensor({1.0F, 0.0F})) ==
        Approx(-(std::log(0.005) + std::log(0.5)) / 2));
}

TEST_CASE("balanced neighbors divide the weight of a class by a power of its rows") {
  const auto soft_labels = torch::tensor({{1.0F, 0.0F}, {0.9F, 0.1F}, {0.8F, 0.2F}, {0.0F, 1.0F}});
  const auto rows = ClassRows::of(soft_labels);
  const Neighbors neighbors{torch::tensor({{0, 3}}, torch::kInt64), torch::tensor({{0.5F, 0.5F}})};
  CHECK(torch::equal(balanced(neighbors, rows, 0, 0.1).similarities, neighbors.similarities));
  const auto p = aggregate(balanced(neighbors, rows, 1, 0.1), torch::eye(2).repeat({2, 1}), 0.1);
  CHECK(p[0][1].item<float>() == Approx(0.75));  // 1 against 1/3
  // A query that is one of the three itself leaves two.
  const auto own = aggregate(balanced(neighbors, rows, 1, 0.1, torch::tensor({0})),
                             torch::eye(2).repeat({2, 1}), 0.1);
  CHECK(own[0][1].item<float>() == Approx(2.0 / 3));
}

}  // namespace
}  // namespace reaugkd::retrieval
