#include "data/row_groups.h"

#include <algorithm>
#include <numeric>

#include "catch.h"

using namespace reaugkd;
using Groups = std::vector<std::vector<std::size_t>>;

namespace {

data::Dataset dataset_of(const std::vector<std::string>& text_a,
                         const std::vector<std::string>& text_b = {}) {
  data::Dataset dataset;
  dataset.text_a = text_a;
  dataset.text_b = text_b;
  dataset.labels.assign(text_a.size(), 0);
  dataset.rows.resize(text_a.size());
  std::iota(dataset.rows.begin(), dataset.rows.end(), 0);
  return dataset;
}

}  // namespace

TEST_CASE("rows that share a text are a group, over chains and columns", "[row_groups]") {
  const auto groups = data::text_groups(
      dataset_of({"p", "q", "r", "Q ", "s", "u"}, {"x", "y", "z", "X", "R", "v"}));
  // 0 and 3 share x, 1 and 3 share q, 2 and 4 share r across columns; 5 stands alone.
  CHECK(groups.rows_of_group == Groups{{0, 1, 3}, {2, 4}, {5}});
  CHECK(groups.groups_of_row == std::vector<std::size_t>(6, 1));
}

TEST_CASE("a row whose two texts are equal joins nothing else", "[row_groups]") {
  const auto groups = data::text_groups(dataset_of({"p", "q"}, {"p", "r"}));
  CHECK(groups.rows_of_group == Groups{{0}, {1}});
}

TEST_CASE("without a second text only equal texts are a group", "[row_groups]") {
  const auto groups = data::text_groups(dataset_of({"a b", "a", "A  b", "b"}));
  CHECK(groups.rows_of_group == Groups{{0, 2}, {1}, {3}});
}

TEST_CASE("a phrase is in the group of each sentence that contains it", "[row_groups]") {
  const auto groups = data::phrase_groups(
      dataset_of({"good", "a good film", "good film", "so good it hurts", "goo", "A good  film"}));
  // Longest first: "so good it hurts", "a good film" (twice), "goo", which is no word of another.
  CHECK(groups.rows_of_group == Groups{{0, 3}, {0, 1, 2, 5}, {4}});
  CHECK(groups.groups_of_row == std::vector<std::size_t>{2, 1, 1, 1, 1, 1});
}

TEST_CASE("runs of words begin and end at words", "[row_groups]") {
  const auto groups = data::phrase_groups(dataset_of({"a b c d", "b c", "c d", "b d", "a c", "d"}));
  CHECK(groups.rows_of_group == Groups{{0, 1, 2, 5}, {3, 5}, {4}});
  CHECK(groups.groups_of_row == std::vector<std::size_t>{1, 1, 1, 1, 1, 2});
}

TEST_CASE("an empty text of a pair is not shared", "[row_groups]") {
  const auto groups = data::text_groups(dataset_of({"p", "q", "r", "p"}, {"", " ", "", "x"}));
  CHECK(groups.rows_of_group == Groups{{0, 3}, {1}, {2}});
}

TEST_CASE("empty texts are texts", "[row_groups]") {
  CHECK(data::phrase_groups(dataset_of({"", "a", " "})).rows_of_group == Groups{{0, 2}, {1}});
  CHECK(data::text_groups(dataset_of({"", "a", " "})).rows_of_group == Groups{{0, 2}, {1}});
}
