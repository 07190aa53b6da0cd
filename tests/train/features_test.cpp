// Features round-trip; those of other rows are refused.
#include "train/features.h"

#include "base/error.h"
#include "catch.h"
#include "retrieval/embeddings.h"
#include "temporary_directory.h"

namespace reaugkd::train {
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

TEST_CASE("features round-trip; other rows are refused", "[train]") {
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
                  base::ArtifactError);
  auto other_file = rows;
  other_file.sha256[0] = 'b';
  CHECK_THROWS_AS(load_features(directory.path(), "train", other_file), base::ArtifactError);
}

}  // namespace
}  // namespace reaugkd::train
