// Keys of the three spaces: what inner products become, what is kept of them, and the files.
#include "distill/key_maker.h"

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "models/classifier.h"
#include "retrieval/embeddings.h"
#include "temporary_directory.h"
#include "tensor/safetensors.h"

namespace reaugkd::distill {
namespace {

constexpr std::int64_t kRows = 40;

train::Features two_encoders() {
  return {tests::normal(kRows, 6, 1), tests::normal(kRows, 2, 2), {}, tests::normal(kRows, 9, 3)};
}

Projection some_projection() {
  return {tests::normal(4, 6, 4), tests::normal(1, 4, 5).squeeze(0)};
}

torch::Tensor products(const torch::Tensor& x) {
  return torch::matmul(x, x.t());
}

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST_CASE("pretrained keys are the embeddings themselves, of unit length", "[key_maker]") {
  const auto features = two_encoders();
  KeyMaker maker;
  maker.space = Space::kPretrained;
  const auto expected = models::unit_rows(features.pretrained);
  CHECK(torch::equal(maker.keys(features), expected));
  maker.axes = torch::eye(9);
  CHECK(largest_difference(maker.keys(features), expected) < 1e-6);
}

TEST_CASE("projection keys are z, whatever else the features hold", "[key_maker]") {
  const auto features = two_encoders();
  const KeyMaker maker{Space::kProjection, some_projection()};
  CHECK(torch::equal(maker.keys(features), some_projection().apply(features.embeddings)));
}

TEST_CASE("both: key.key' = (1 - w) z.z' + w e.e'", "[key_maker]") {
  const auto features = two_encoders();
  KeyMaker maker{Space::kBoth, some_projection()};
  for (const double w : {0.0, 0.3, 1.0}) {
    maker.pretrained_weight = w;
    const auto keys = maker.keys(features);
    CHECK(keys.size(1) == 4 + 9);
    CHECK(largest_difference(keys.norm(2, 1), torch::ones({kRows})) < 1e-6);
    const auto expected = (1 - w) * products(maker.z(features)) +
                          w * products(models::unit_rows(features.pretrained));
    CHECK(largest_difference(products(keys), expected) < 1e-6);
  }
}

TEST_CASE("axes keep every inner product where there are enough of them", "[key_maker]") {
  const auto x = tests::normal(kRows, 9, 3);
  const auto whole = products(models::unit_rows(x));
  for (const std::int64_t dimension : {9, 12}) {
    KeyMaker maker;
    maker.space = Space::kPretrained;
    const auto found = principal_axes(x, dimension);
    CHECK(found.kept == Approx(1));
    maker.axes = found.axes;
    CHECK(maker.axes.size(0) == dimension);
    CHECK(largest_difference(products(maker.keys(two_encoders())), whole) < 1e-5);
  }
  // Rows of three dimensions in a space of nine.
  const auto flat = torch::matmul(tests::normal(kRows, 3, 6), tests::normal(3, 9, 7));
  const auto found = principal_axes(flat, 3);
  CHECK(found.kept == Approx(1));
  CHECK(largest_difference(products(torch::matmul(models::unit_rows(flat), found.axes.t())),
                           products(models::unit_rows(flat))) < 1e-5);
}

TEST_CASE("fewer axes keep the share of the squared length that they say, and no other more",
          "[key_maker]") {
  const auto x = tests::normal(kRows, 9, 3) * torch::arange(1, 10);
  const auto rows = models::unit_rows(x);
  const auto found = principal_axes(x, 4);
  const auto orthonormal = torch::matmul(found.axes, found.axes.t());
  CHECK(largest_difference(orthonormal, torch::eye(4)) < 1e-6);
  const auto kept = [&](const torch::Tensor& axes) {
    return (torch::matmul(rows, axes.t()).square().sum() / kRows).item<double>();
  };
  CHECK(found.kept == Approx(kept(found.axes)).epsilon(1e-5));
  CHECK(found.kept < 0.999);
  for (std::int64_t first = 0; first < 6; ++first) {
    CHECK(kept(torch::eye(9).slice(0, first, first + 4)) <= found.kept);
  }
  // The signs are not left to the solver: the rows the other way round have the same axes.
  CHECK(largest_difference(principal_axes(-x.flip(0), 4).axes, found.axes) < 1e-5);
  CHECK(
      (std::get<0>(found.axes.max(1)) == std::get<0>(found.axes.abs().max(1))).all().item<bool>());
}

TEST_CASE("what makes the keys round-trips", "[key_maker]") {
  const auto features = two_encoders();
  for (const auto space : {Space::kProjection, Space::kPretrained, Space::kBoth}) {
    for (const bool with_axes : {false, true}) {
      const tests::TemporaryDirectory directory;
      KeyMaker maker;
      maker.space = space;
      if (space != Space::kPretrained) maker.projection = some_projection();
      if (space != Space::kProjection) maker.pretrained_embedding = models::Pooling::kCls;
      if (space == Space::kBoth) maker.pretrained_weight = 0.3;
      if (with_axes) maker.axes = principal_axes(features.pretrained, 5).axes;
      save_key_maker(maker, directory.path());
      const auto loaded = load_key_maker(directory.path(), 6);
      CHECK(loaded.space == space);
      CHECK(loaded.pretrained_weight == maker.pretrained_weight);
      CHECK(loaded.pretrained_embedding == maker.pretrained_embedding);
      CHECK(torch::equal(loaded.keys(features), maker.keys(features)));
      CHECK(parse_space(to_string(space)) == space);
    }
  }
  CHECK_THROWS_AS(parse_space("other"), base::ConfigError);
}

TEST_CASE("the projection alone is stored as it always was", "[key_maker]") {
  const tests::TemporaryDirectory one, other;
  save_projection(some_projection(), one.path());
  save_key_maker({Space::kProjection, some_projection()}, other.path());
  CHECK(base::read_file(one.path() / "projection.safetensors") ==
        base::read_file(other.path() / "projection.safetensors"));
}

TEST_CASE("keys that cannot be made are refused", "[key_maker]") {
  const tests::TemporaryDirectory directory;
  CHECK_THROWS_AS(load_key_maker(directory.path(), 6), base::ArtifactError);  // not projected
  auto features = two_encoders();
  KeyMaker maker;
  maker.space = Space::kPretrained;
  maker.axes = torch::eye(8);
  CHECK_THROWS_AS(maker.keys(features), base::ArtifactError);
  features.pretrained = torch::Tensor();
  CHECK_THROWS_AS(maker.keys(features), base::ArtifactError);
  const auto path = directory.path() / "projection.safetensors";
  tensor::save_safetensors(path, {}, {{"space", "sideways"}, {"pretrained_embedding", "mean"}});
  CHECK_THROWS_AS(load_key_maker(directory.path(), 6), base::ArtifactError);
  tensor::save_safetensors(path, {}, {{"space", "pretrained"}});
  CHECK_THROWS_AS(load_key_maker(directory.path(), 6), base::ArtifactError);
  tensor::save_safetensors(path, {{"pretrained.weight", torch::full({1}, 2.0, torch::kFloat64)}},
                           {{"space", "both"}, {"pretrained_embedding", "mean"}});
  CHECK_THROWS_AS(load_key_maker(directory.path(), 6), base::ArtifactError);
}

}  // namespace
}  // namespace reaugkd::distill
