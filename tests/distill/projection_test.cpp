// The projection against a float64 calculation, and its file.
#include "distill/projection.h"

#include <cmath>

#include "base/error.h"
#include "catch.h"
#include "retrieval/embeddings.h"
#include "temporary_directory.h"

namespace reaugkd::distill {
namespace {

TEST_CASE("z = norm(L t)", "[distill]") {
  const auto t = tests::normal(5, 6, 1);
  const Projection projection{tests::normal(4, 6, 2), tests::normal(1, 4, 3).squeeze(0)};
  const auto lt = torch::matmul(t.to(torch::kFloat64), projection.weight.to(torch::kFloat64).t()) +
                  projection.bias.to(torch::kFloat64);
  const auto expected = lt / lt.square().sum(1, true).sqrt();
  CHECK((projection.apply(t).to(torch::kFloat64) - expected).abs().max().item<double>() < 1e-6);
}

TEST_CASE("the projection round-trips", "[distill]") {
  const tests::TemporaryDirectory directory;
  CHECK_THROWS_AS(load_projection(directory.path(), 6), base::ArtifactError);  // none yet
  const Projection projection{tests::normal(4, 6, 5), tests::normal(1, 4, 6).squeeze(0)};
  save_projection(projection, directory.path());
  CHECK(torch::equal(load_projection(directory.path(), 6).weight, projection.weight));
  CHECK_THROWS_AS(load_projection(directory.path(), 7), base::ArtifactError);
}

TEST_CASE("k-NN is judged on a sample where all pairs would be too many", "[distill]") {
  torch::manual_seed(4);
  const auto rows = [](std::int64_t count) {
    return torch::nn::functional::normalize(torch::randn({count, 8}),
                                            torch::nn::functional::NormalizeFuncOptions().dim(1));
  };
  const auto train = rows(300);
  const auto held_out = rows(5000);
  const auto labels = [](const torch::Tensor& z) {
    return (z.select(1, 0) > 0).to(torch::kFloat32);
  };
  const double all = knn_accuracy(train, labels(train), held_out, labels(held_out), 0.1);
  const double some =
      knn_accuracy(train, labels(train), held_out, labels(held_out), 0.1, 300 * 1500);
  CHECK(all > 0.8);
  CHECK(std::abs(some - all) < 0.05);
  CHECK(std::abs(some * 1500 - std::round(some * 1500)) < 1e-6);  // a share of 1,500 rows
  CHECK(some != all);
  CHECK(some == knn_accuracy(train, labels(train), held_out, labels(held_out), 0.1, 300 * 1500));
  const double fewest = knn_accuracy(train, labels(train), held_out, labels(held_out), 0.1, 1);
  CHECK(std::abs(fewest * 1000 - std::round(fewest * 1000)) < 1e-6);
}

}  // namespace
}  // namespace reaugkd::distill
