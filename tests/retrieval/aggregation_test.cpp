#include "retrieval/aggregation.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "catch.h"
#include "retrieval/embeddings.h"

namespace reaugkd::retrieval {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();

TEST_CASE("aggregate is the softmax-weighted mean of the neighbours' soft labels") {
  const auto soft_labels = torch::tensor({{0.9F, 0.1F}, {0.2F, 0.8F}, {0.5F, 0.5F}});
  const Neighbors neighbors{torch::tensor({{1, 0}, {2, 1}}, torch::kInt64),
                            torch::tensor({{0.8F, 0.6F}, {0.5F, 0.5F}})};
  const auto result = aggregate(neighbors, soft_labels, 0.1);
  // exp(8) : exp(6) gives the weights 0.880797 and 0.119203.
  CHECK(result[0][0].item<float>() == Approx(0.880797 * 0.2 + 0.119203 * 0.9).margin(1e-6));
  CHECK(result[0][1].item<float>() == Approx(0.880797 * 0.8 + 0.119203 * 0.1).margin(1e-6));
  CHECK(result[1][0].item<float>() == Approx(0.35).margin(1e-6));
  CHECK(result[1][1].item<float>() == Approx(0.65).margin(1e-6));
}

TEST_CASE("a small tau does not overflow") {
  const auto soft_labels = torch::tensor({{0.9F, 0.1F}, {0.2F, 0.8F}});
  const Neighbors neighbors{torch::tensor({{1, 0}}, torch::kInt64), torch::tensor({{0.9F, 0.5F}})};
  CHECK(torch::equal(aggregate(neighbors, soft_labels, 1e-4), soft_labels.slice(0, 1, 2)));
}

TEST_CASE("empty slots weigh nothing") {
  const auto soft_labels = torch::tensor({{0.9F, 0.1F}, {0.2F, 0.8F}});
  const Neighbors neighbors{torch::tensor({{1, -1, -1}}, torch::kInt64),
                            torch::tensor({{0.3F, kNone, kNone}})};
  CHECK(torch::equal(aggregate(neighbors, soft_labels, 0.02), soft_labels.slice(0, 1, 2)));
  const Neighbors nothing = Neighbors::none(1, 2);
  CHECK_THROWS_AS(aggregate(nothing, soft_labels, 0.1), base::InternalError);
}

TEST_CASE("aggregate agrees with a double-precision loop") {
  const std::int64_t queries = 7;
  const std::int64_t k = 5;
  const std::int64_t classes = 3;
  const auto soft_labels = torch::softmax(tests::normal(40, classes, 1), 1);
  const auto similarities = std::get<0>(torch::rand({queries, k}).sort(1, true));
  const auto indices = torch::randint(40, {queries, k}, torch::kInt64);
  for (const double tau : {0.02, 0.1, 0.5, 5.0}) {
    const auto result = aggregate({indices, similarities}, soft_labels, tau);
    for (std::int64_t i = 0; i < queries; ++i) {
      std::vector<double> expected(classes, 0.0);
      double sum = 0;
      for (std::int64_t j = 0; j < k; ++j) {
        const double weight = std::exp(similarities[i][j].item<double>() / tau);
        sum += weight;
        for (std::int64_t c = 0; c < classes; ++c) {
          expected[c] += weight * soft_labels[indices[i][j].item<std::int64_t>()][c].item<double>();
        }
      }
      for (std::int64_t c = 0; c < classes; ++c) {
        CHECK(result[i][c].item<double>() == Approx(expected[c] / sum).margin(1e-7));
      }
    }
  }
}

TEST_CASE("combine mixes, and is exact at both ends") {
  const auto student = torch::softmax(tests::normal(5, 3, 1), 1);
  const auto knowledge_base = torch::softmax(tests::normal(5, 3, 2), 1);
  const auto all = [](double beta) { return torch::full({5}, beta, torch::kFloat64); };
  CHECK(torch::equal(combine(student, knowledge_base, all(1)), student));
  CHECK(torch::equal(combine(student, knowledge_base, all(0)), knowledge_base));
  const auto beta = torch::tensor({0.25, 0.75}, torch::kFloat64);
  const auto mixed = combine(torch::tensor({{0.8F, 0.2F}, {0.8F, 0.2F}}),
                             torch::tensor({{0.4F, 0.6F}, {0.4F, 0.6F}}), beta);
  CHECK(mixed[0][0].item<float>() == Approx(0.5));
  CHECK(mixed[0][1].item<float>() == Approx(0.5));
  CHECK(mixed[1][0].item<float>() == Approx(0.7));
  const auto column = combine(torch::tensor({0.8F, 0.8F}), torch::tensor({0.4F, 0.4F}), beta);
  CHECK(torch::equal(column, mixed.select(1, 0)));
}

}  // namespace
}  // namespace reaugkd::retrieval
