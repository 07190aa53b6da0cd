// make_folds: a partition, stratified, with rows that share a text in one fold; no row is trained
// on in the fold that answers for it. (divide() is tested through make_split, in split_test.cpp.)
#include "data/fold.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "catch.h"

using namespace reaugkd;
using Rows = std::vector<std::int64_t>;

namespace {

data::Dataset dataset_of(const std::vector<std::string>& texts) {
  data::Dataset dataset;
  dataset.path = "train.tsv";
  for (const std::string& text : texts) {
    dataset.rows.push_back(dataset.size());
    dataset.text_a.push_back(text);
    dataset.labels.push_back(dataset.size() % 3 == 0 ? 1.0F : 0.0F);
  }
  return dataset;
}

data::Dataset plain_dataset(int n) {
  std::vector<std::string> texts;
  texts.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) texts.push_back("text " + std::to_string(i));
  return dataset_of(texts);
}

/// Sentences of six words out of 300, and two phrases of each.
data::Dataset phrase_dataset(int sentences) {
  base::Random random(5);
  std::vector<std::string> texts;
  for (int i = 0; i < sentences; ++i) {
    std::vector<std::string> words;
    words.reserve(6);
    for (int w = 0; w < 6; ++w) words.push_back("w" + std::to_string(random.below(300)));
    texts.push_back(words[0] + " " + words[1] + " " + words[2] + " " + words[3] + " " + words[4] +
                    " " + words[5]);
    texts.push_back(words[1] + " " + words[2]);
    texts.push_back(words[3]);
  }
  return dataset_of(texts);
}

bool contains(const std::string& text, const std::string& phrase) {
  return (" " + text + " ").find(" " + phrase + " ") != std::string::npos;
}

/// In how many folds each row is held out and trained on; FAILs where a fold has it on both sides.
std::pair<std::vector<int>, std::vector<int>> counts(const std::vector<data::Fold>& folds,
                                                     std::int64_t rows) {
  std::vector<int> held_out(static_cast<std::size_t>(rows), 0);
  std::vector<int> trained(static_cast<std::size_t>(rows), 0);
  for (const data::Fold& fold : folds) {
    CHECK(std::is_sorted(fold.held_out.begin(), fold.held_out.end()));
    CHECK(std::is_sorted(fold.trained.begin(), fold.trained.end()));
    for (const auto row : fold.held_out) ++held_out[static_cast<std::size_t>(row)];
    for (const auto row : fold.trained) ++trained[static_cast<std::size_t>(row)];
    Rows both;
    std::set_intersection(fold.held_out.begin(), fold.held_out.end(), fold.trained.begin(),
                          fold.trained.end(), std::back_inserter(both));
    CHECK(both.empty());
  }
  return {held_out, trained};
}

}  // namespace

TEST_CASE("folds are a stratified partition, and each trains on all others", "[fold]") {
  const data::Dataset rows = plain_dataset(500);
  const auto folds = data::make_folds(rows, data::glue_task("cola"), 5, 0);
  REQUIRE(folds.size() == 5);
  const auto [held_out, trained] = counts(folds, rows.size());
  CHECK(held_out == std::vector<int>(500, 1));
  CHECK(trained == std::vector<int>(500, 4));
  for (const data::Fold& fold : folds) {
    CHECK(fold.held_out.size() == 100);
    const auto part = rows.subset(fold.held_out);
    const auto ones = std::count(part.labels.begin(), part.labels.end(), 1.0F);
    CHECK(std::abs(ones - 33) <= 1);  // 166 of 500
  }
}

TEST_CASE("folds depend on the seed and the rows only", "[fold]") {
  const data::Dataset rows = plain_dataset(100);
  const data::Task task = data::glue_task("cola");
  const auto first = data::make_folds(rows, task, 3, 1);
  CHECK(data::make_folds(rows, task, 3, 1)[2].held_out == first[2].held_out);
  CHECK_FALSE(data::make_folds(rows, task, 3, 2)[0].held_out == first[0].held_out);
}

TEST_CASE("rows that share a text are in one fold", "[fold]") {
  base::Random random(2);
  std::vector<std::string> texts;
  texts.reserve(400);
  for (int i = 0; i < 400; ++i) texts.push_back("Text  " + std::to_string(random.below(250)));
  const data::Dataset rows = dataset_of(texts);
  const auto folds = data::make_folds(rows, data::glue_task("cola"), 4, 0);
  std::map<std::string, std::set<std::size_t>> folds_of_text;
  for (std::size_t fold = 0; fold < folds.size(); ++fold) {
    CHECK(std::abs(std::ssize(folds[fold].held_out) - 100) <= 3);
    for (const auto row : folds[fold].held_out) {
      folds_of_text[texts[static_cast<std::size_t>(row)]].insert(fold);
    }
  }
  for (const auto& [text, of_text] : folds_of_text) CHECK(of_text.size() == 1);
  const auto [held_out, trained] = counts(folds, rows.size());
  CHECK(held_out == std::vector<int>(400, 1));
  CHECK(trained == std::vector<int>(400, 3));
}

TEST_CASE("scores are stratified when rounded, rows without labels apart", "[fold]") {
  data::Dataset rows = plain_dataset(200);
  for (std::size_t i = 0; i < 200; ++i) {
    rows.labels[i] = i % 4 == 0 ? std::nanf("") : static_cast<float>(i % 4) + 0.2F;
  }
  for (const data::Fold& fold : data::make_folds(rows, data::glue_task("cola"), 5, 3)) {
    std::map<long, int> found;
    for (const float label : rows.subset(fold.held_out).labels) {
      ++found[std::isnan(label) ? -1 : std::lround(label)];
    }
    CHECK(found == std::map<long, int>{{-1, 10}, {1, 10}, {2, 10}, {3, 10}});
  }
}

TEST_CASE("in a phrase task no teacher has seen a whole sentence of its fold or a phrase of one",
          "[fold]") {
  const data::Dataset rows = phrase_dataset(100);
  const auto folds = data::make_folds(rows, data::glue_task("sst2"), 4, 0);
  const auto [held_out, trained] = counts(folds, rows.size());
  CHECK(held_out == std::vector<int>(300, 1));
  CHECK(*std::max_element(trained.begin(), trained.end()) == 3);
  CHECK(*std::min_element(trained.begin(), trained.end()) < 3);  // phrases of several folds
  for (const data::Fold& fold : folds) {
    CHECK(std::abs(std::ssize(fold.held_out) - 75) <= 15);
    const auto seen = rows.subset(fold.trained);
    for (const auto row : fold.held_out) {
      const std::string text(rows.text_a[static_cast<std::size_t>(row)]);
      const bool sentence = std::count(text.begin(), text.end(), ' ') == 5;
      for (const std::string_view other : seen.text_a) {
        const bool shared = sentence && contains(text, std::string(other));
        if (other == text || shared) FAIL(text << " | " << other);
      }
    }
  }
}

TEST_CASE("rows that cannot be divided into so many folds are refused", "[fold]") {
  const data::Task task = data::glue_task("cola");
  CHECK(data::make_folds(plain_dataset(3), task, 3, 0)[1].held_out.size() == 1);
  CHECK_THROWS_AS(data::make_folds(plain_dataset(3), task, 4, 0), base::DataError);
  const auto same = dataset_of(std::vector<std::string>(20, "the same"));
  CHECK_THROWS_AS(data::make_folds(same, task, 2, 0), base::DataError);
  CHECK_THROWS_WITH(
      data::make_folds(same, task, 2, 0),
      ContainsSubstring("20 rows cannot be divided into 2 folds") && ContainsSubstring("has 20"));
}
