// The projection against a float64 calculation, and its file.
#include "distill/projection.h"

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

}  // namespace
}  // namespace reaugkd::distill
