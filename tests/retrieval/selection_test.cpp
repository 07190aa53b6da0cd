#include "retrieval/selection.h"

#include <cmath>

#include "base/error.h"
#include "catch.h"
#include "retrieval/aggregation.h"
#include "retrieval/embeddings.h"
#include "retrieval/indexes.h"

namespace reaugkd::retrieval {
namespace {

struct Problem {
  std::vector<SoftLabels> soft_labels;
  torch::Tensor student;
  torch::Tensor labels;
  Neighbors neighbors;
};

Problem random_problem(std::int64_t k) {
  const auto embeddings = tests::unit_rows(60, 8, 1);
  const auto queries = tests::unit_rows(25, 8, 2);
  const auto logits = 3 * tests::normal(60, 3, 3);
  return {{{{1}, torch::softmax(logits, 1)}, {{2}, torch::softmax(logits / 2, 1)}},
          torch::softmax(tests::normal(25, 3, 4), 1),
          torch::arange(25).remainder(3).to(torch::kFloat32),
          make_exact_index(embeddings)->search(queries, k)};
}

const torch::Tensor& labels_of(const Problem& problem, const RetrievalSetting& setting) {
  for (const auto& each : problem.soft_labels) {
    if (each.rule == setting.answers) return each.values;
  }
  throw base::InternalError("no labels of this temperature");
}

/// Mean of -log p[label], or of the squared error, of equations 6 and 7 in double precision.
double brute_force(const Problem& problem, const RetrievalSetting& setting, base::TaskKind kind) {
  const auto rows = problem.neighbors.indices.accessor<std::int64_t, 2>();
  const auto similarities = problem.neighbors.similarities.accessor<float, 2>();
  const auto soft_labels = labels_of(problem, setting).accessor<float, 2>();
  const auto student = problem.student.accessor<float, 2>();
  const auto labels = problem.labels.accessor<float, 1>();
  double sum = 0;
  for (std::int64_t i = 0; i < student.size(0); ++i) {
    const double label = labels[i];
    const auto column = kind == base::TaskKind::kRegression ? 0 : static_cast<std::int64_t>(label);
    double weights = 0;
    double knowledge_base = 0;
    for (std::int64_t j = 0; j < std::min(setting.k, problem.neighbors.k()); ++j) {
      if (rows[i][j] < 0) break;
      const double weight = std::exp(static_cast<double>(similarities[i][j]) / setting.tau);
      weights += weight;
      knowledge_base += weight * soft_labels[rows[i][j]][column];
    }
    const double p =
        setting.beta * student[i][column] + (1 - setting.beta) * knowledge_base / weights;
    sum += kind == base::TaskKind::kRegression ? (p - label) * (p - label)
                                               : -std::log(std::max(p, 1e-12));
  }
  return sum / static_cast<double>(student.size(0));
}

void check_against_brute_force(const Problem& problem, const RetrievalGrid& grid,
                               base::TaskKind kind) {
  RetrievalSetting best;
  best.loss = 1e9;
  for (const auto& [rule, values] : problem.soft_labels) {
    for (const auto k : grid.k) {
      for (const auto beta : grid.beta) {
        for (const auto tau : grid.tau) {
          RetrievalSetting setting{.k = k, .beta = beta, .tau = tau, .answers = rule};
          setting.loss = brute_force(problem, setting, kind);
          if (setting.loss < best.loss - 1e-12) best = setting;
        }
      }
    }
  }
  const auto found = select_setting(grid, problem.neighbors, problem.soft_labels, problem.student,
                                    problem.labels, kind);
  CHECK(found.k == best.k);
  CHECK(found.beta == best.beta);
  CHECK(found.tau == best.tau);
  CHECK(found.answers == best.answers);
  CHECK(found.loss == Approx(best.loss).epsilon(1e-5));
  CHECK(brute_force(problem, found, kind) == Approx(best.loss).epsilon(1e-12));
  const auto p =
      predict(found, problem.neighbors, labels_of(problem, found), problem.student).combined;
  CHECK(prediction_loss(p, problem.labels, kind) == Approx(found.loss).epsilon(1e-6));
}

TEST_CASE("prediction_loss by hand") {
  const auto p = torch::tensor({{0.5F, 0.5F}, {0.75F, 0.25F}, {1.0F, 0.0F}});
  const auto labels = torch::tensor({0.0F, 1.0F, 1.0F});
  CHECK(prediction_loss(p, labels, base::TaskKind::kClassification) ==
        Approx((std::log(2.0) + std::log(4.0) + 12 * std::log(10.0)) / 3).epsilon(1e-7));
  CHECK(prediction_loss(torch::tensor({{1.0F}, {3.0F}}), torch::tensor({2.0F, 5.0F}),
                        base::TaskKind::kRegression) == Approx(2.5));
}

TEST_CASE("select_setting finds what trying everything in double precision finds") {
  const Problem problem = random_problem(64);
  check_against_brute_force(problem, RetrievalGrid{}, base::TaskKind::kClassification);
  // p^KB alone, of neighbors that know nothing of the labels: the less sure it is, the better.
  const RetrievalGrid no_student{.k = {8}, .beta = {0}, .tau = {0.1}};
  check_against_brute_force(problem, no_student, base::TaskKind::kClassification);
  CHECK(select_setting(no_student, problem.neighbors, problem.soft_labels, problem.student,
                       problem.labels, base::TaskKind::kClassification)
            .answers.temperature == 2);
}

TEST_CASE("select_setting of scores minimises the squared error") {
  Problem problem = random_problem(64);
  problem.soft_labels = {{{1}, 2 + tests::normal(60, 1, 7)}};
  problem.student = 2 + tests::normal(25, 1, 8);
  problem.labels = (2 + tests::normal(25, 1, 9)).squeeze(1);
  check_against_brute_force(problem, RetrievalGrid{}, base::TaskKind::kRegression);
}

TEST_CASE("a criterion is what select_setting maximises, ties as ever") {
  const Problem problem = random_problem(64);
  const RetrievalGrid grid{.tau = {0.1}};
  const std::vector<SoftLabels> plain = {problem.soft_labels.front()};
  const auto accuracy = [&](const torch::Tensor& combined) {
    return combined.argmax(1).eq(problem.labels.to(torch::kInt64)).to(torch::kFloat64).mean();
  };
  RetrievalSetting best;
  double highest = -1;
  for (auto beta = grid.beta.rbegin(); beta != grid.beta.rend();
       ++beta) {  // in order of preference
    for (const auto k : grid.k) {
      const RetrievalSetting setting{.k = k, .beta = *beta, .tau = 0.1};
      const auto p = predict(setting, problem.neighbors, plain[0].values, problem.student).combined;
      if (accuracy(p).item<double>() <= highest + 1e-12) continue;
      highest = accuracy(p).item<double>();
      best = setting;
    }
  }
  const auto found = select_setting(
      grid, problem.neighbors, plain, problem.student, problem.labels,
      base::TaskKind::kClassification,
      [&](const torch::Tensor& combined) { return accuracy(combined).item<double>(); });
  CHECK(found.score == Approx(highest));
  CHECK(found.k == best.k);
  CHECK(found.beta == best.beta);
  const auto by_loss = select_setting(grid, problem.neighbors, plain, problem.student,
                                      problem.labels, base::TaskKind::kClassification);
  CHECK(by_loss.loss < found.loss);  // or the test could not tell the two
}

TEST_CASE("ties go to the larger beta, the smaller k, the smaller tau and no softening") {
  Problem problem = random_problem(64);
  const RetrievalGrid grid;
  SECTION("every setting predicts the same") {
    // One neighbour, and halves and quarters: nothing is rounded.
    problem.neighbors = problem.neighbors.first(1);
    const auto same = torch::tensor({{0.25F, 0.25F, 0.5F}}).repeat({60, 1});
    problem.soft_labels = {{{2}, same}, {{1}, same}, {{0.25}, same}};
    problem.student = same.slice(0, 0, 25);
    const auto found =
        select_setting({{4, 1}, {0.25, 1, 0.5}, {0.5, 0.1}}, problem.neighbors, problem.soft_labels,
                       problem.student, problem.labels, base::TaskKind::kClassification);
    CHECK(found.beta == 1);
    CHECK(found.k == 1);
    CHECK(found.tau == 0.1);
    CHECK(found.answers.temperature == 1);
  }
  SECTION("the student alone is best") {
    problem.student = torch::one_hot(problem.labels.to(torch::kInt64), 3).to(torch::kFloat32);
    const auto found = select_setting({{8, 4, 16}, grid.beta, {0.5, 0.05, 0.1}}, problem.neighbors,
                                      problem.soft_labels, problem.student, problem.labels,
                                      base::TaskKind::kClassification);
    CHECK(found.beta == 1);
    CHECK(found.k == 4);
    CHECK(found.tau == 0.05);
    CHECK(found.loss == 0);
  }
  SECTION("a k beyond the knowledge base is no better than its size") {
    problem.neighbors = problem.neighbors.first(5);
    const auto found =
        select_setting({{16, 5, 8}, {0}, {0.1}}, problem.neighbors, problem.soft_labels,
                       problem.student, problem.labels, base::TaskKind::kClassification);
    CHECK(found.k == 5);
  }
}

TEST_CASE("a student that is not finite is reported") {
  Problem problem = random_problem(64);
  problem.student[3][1] = std::numeric_limits<float>::quiet_NaN();
  problem.labels[3] = 1;
  CHECK_THROWS_AS(select_setting(RetrievalGrid{}, problem.neighbors, problem.soft_labels,
                                 problem.student, problem.labels, base::TaskKind::kClassification),
                  base::NumericError);
  CHECK_THROWS_AS(
      predict({8, 0.5, 0.1, 0}, problem.neighbors, problem.soft_labels[0].values, problem.student),
      base::NumericError);
}

}  // namespace
}  // namespace reaugkd::retrieval
