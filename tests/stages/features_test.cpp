// The projection against a float64 calculation, and features that belong to other rows.
#include "stages/features.h"

#include "catch.h"
#include "core/error.h"
#include "retrieval/embeddings.h"
#include "temporary_directory.h"

namespace reaugkd::stages {
namespace {

data::Dataset three_rows() {
  data::Dataset rows;
  rows.path = "train.tsv";
  rows.sha256 = std::string(64, 'a');
  rows.text_a = {"a", "b", "c"};
  rows.labels = {0, 1, 0};
  rows.rows = {4, 7, 9};
  return rows;
}

TEST_CASE("z = norm(L t)", "[stages]") {
  const auto t = tests::normal(5, 6, 1);
  const Projection projection{tests::normal(4, 6, 2), tests::normal(1, 4, 3).squeeze(0)};
  const auto lt = torch::matmul(t.to(torch::kFloat64), projection.weight.to(torch::kFloat64).t()) +
                  projection.bias.to(torch::kFloat64);
  const auto expected = lt / lt.square().sum(1, true).sqrt();
  CHECK((projection.apply(t).to(torch::kFloat64) - expected).abs().max().item<double>() < 1e-6);
}

TEST_CASE("features and projection round-trip; other rows are refused", "[stages]") {
  const tests::TemporaryDirectory directory;
  const data::Dataset rows = three_rows();
  const Features train{tests::normal(3, 6, 1), tests::normal(3, 2, 2), example_ids_of(rows)};
  const Features validation{tests::normal(1, 6, 3), tests::normal(1, 2, 4),
                            example_ids_of(rows.subset({1}))};
  CHECK(features_mark(directory.path()).empty());
  save_features(train, validation, "a mark", directory.path());
  CHECK(features_mark(directory.path()) == "a mark");
  const auto loaded = load_features(directory.path(), "train", rows);
  CHECK(torch::equal(loaded.embeddings, train.embeddings));
  CHECK(torch::equal(loaded.logits, train.logits));
  CHECK_NOTHROW(load_features(directory.path(), "validation", rows.subset({1})));
  CHECK_THROWS_AS(load_features(directory.path(), "validation", rows.subset({0})),
                  core::ArtifactError);
  auto other_file = rows;
  other_file.sha256[0] = 'b';
  CHECK_THROWS_AS(load_features(directory.path(), "train", other_file), core::ArtifactError);

  CHECK_THROWS_AS(load_projection(directory.path(), 6), core::ArtifactError);  // none yet
  const Projection projection{tests::normal(4, 6, 5), tests::normal(1, 4, 6).squeeze(0)};
  save_projection(projection, directory.path());
  CHECK(torch::equal(load_projection(directory.path(), 6).weight, projection.weight));
  CHECK_THROWS_AS(load_projection(directory.path(), 7), core::ArtifactError);
}

}  // namespace
}  // namespace reaugkd::stages
