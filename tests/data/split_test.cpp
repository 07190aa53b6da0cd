#include "data/split.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "catch.h"
#include "temporary_directory.h"

using namespace reaugkd;
using Rows = std::vector<std::int64_t>;

namespace {

const data::Validation kTenth{.holdout = true, .fraction = 0.1};
const std::string kSha256(64, 'a');

void add_row(data::Dataset& dataset, const std::string& text, float label) {
  dataset.rows.push_back(dataset.size());
  dataset.text_a.push_back(text);
  dataset.labels.push_back(label);
}

data::Dataset empty_dataset() {
  data::Dataset dataset;
  dataset.path = "train.tsv";
  dataset.sha256 = kSha256;
  return dataset;
}

/// n distinct texts; a third are of class 1.
data::Dataset plain_dataset(int n) {
  data::Dataset dataset = empty_dataset();
  for (int i = 0; i < n; ++i) add_row(dataset, "text " + std::to_string(i), i % 3 == 0 ? 1.0F : 0);
  return dataset;
}

/// Sentences of 4 to 12 words and many of their phrases, as in SST-2; word w has probability ~1/w.
data::Dataset phrase_dataset(int sentences, std::uint64_t seed) {
  base::Random random(seed);
  data::Dataset dataset = empty_dataset();
  for (int i = 0; i < sentences; ++i) {
    std::vector<std::string> words;
    for (std::uint64_t w = 4 + random.below(9); w > 0; --w) {
      words.push_back("w" + std::to_string(static_cast<int>(std::exp(
                                7.0 * static_cast<double>(random.next() >> 11) * 0x1.0p-53))));
    }
    for (int phrase = 0; phrase < 6; ++phrase) {
      const std::size_t begin = phrase == 0 ? 0 : random.below(words.size());
      const std::size_t end =
          phrase == 0 ? words.size() : begin + 1 + random.below(words.size() - begin);
      std::string text;
      for (std::size_t w = begin; w < end; ++w) text += (text.empty() ? "" : " ") + words[w];
      add_row(dataset, text, random.below(2) == 0 ? 0.0F : 1.0F);
    }
  }
  return dataset;
}

double share_of_class_1(const data::Dataset& part) {
  const auto ones = std::count(part.labels.begin(), part.labels.end(), 1.0F);
  return static_cast<double>(ones) / static_cast<double>(part.size());
}

std::set<std::string> texts_of(const data::Dataset& part) {
  std::set<std::string> texts;
  for (const auto* column : {&part.text_a, &part.text_b}) {
    for (const std::string_view text : *column) texts.insert(data::normalised_text(text));
  }
  return texts;
}

bool contains(const std::string& text, const std::string& phrase) {
  return (" " + text + " ").find(" " + phrase + " ") != std::string::npos;
}

data::TrainSplit small_split() {
  data::TrainSplit split;
  split.split_seed = std::numeric_limits<std::uint64_t>::max();
  split.max_train_examples = 5;
  split.train_sha256 = kSha256;
  split.train_rows = {0, 2, 3};
  split.holdout_rows = {1};
  return split;
}

/// Loading small_split's file with this change must fail with an ArtifactError that says `words`.
void check_corrupt(const std::string& key, const base::Json& value, const std::string& words) {
  const tests::TemporaryDirectory directory;
  data::save_split(small_split(), directory.path());
  base::Json json = base::read_json(directory.path() / "split.json");
  json[key] = value;
  base::write_json(directory.path() / "split.json", json);
  INFO(json.dump());
  CHECK_THROWS_AS(data::load_split(directory.path()), base::ArtifactError);
  CHECK_THROWS_WITH(data::load_split(directory.path()), ContainsSubstring(words));
}

}  // namespace

TEST_CASE("--validation is dev or holdout:F", "[split]") {
  CHECK_FALSE(data::parse_validation("dev").holdout);
  CHECK(data::parse_validation("holdout").fraction == 0.1);
  CHECK(data::parse_validation("holdout:0.25").fraction == 0.25);
  for (const char* text : {"dev", "holdout:0.1", "holdout:0.05"}) {
    CHECK(data::to_string(data::parse_validation(text)) == text);
  }
  for (const char* text : {"", "train", "holdout:", "holdout:0", "holdout:1", "holdout:-0.1",
                           "holdout:0.1x", "holdout:nan", "holdout0.1", "Dev"}) {
    INFO(text);
    CHECK_THROWS_AS(data::parse_validation(text), base::ConfigError);
  }
}

TEST_CASE("the parts are disjoint, complete, ascending and stratified", "[split]") {
  const data::Dataset train = plain_dataset(1000);
  const auto split = data::make_split(train, data::glue_task("cola"), kTenth, 0, 0);
  CHECK(split.holdout_rows.size() == 100);
  CHECK(split.train_rows.size() == 900);
  Rows all = split.train_rows;
  all.insert(all.end(), split.holdout_rows.begin(), split.holdout_rows.end());
  std::sort(all.begin(), all.end());
  CHECK(all == train.rows);
  CHECK(std::is_sorted(split.train_rows.begin(), split.train_rows.end()));
  CHECK(std::is_sorted(split.holdout_rows.begin(), split.holdout_rows.end()));
  CHECK(share_of_class_1(data::holdout_part(train, split)) == 0.33);  // 33.4 rows of class 1
}

TEST_CASE("a split depends on split_seed and the rows only", "[split]") {
  const data::Dataset train = plain_dataset(500);
  const data::Task task = data::glue_task("cola");
  const auto split = data::make_split(train, task, kTenth, 0, 3);
  CHECK(data::make_split(train, task, kTenth, 0, 3) == split);
  CHECK_FALSE(data::make_split(train, task, kTenth, 0, 4).holdout_rows == split.holdout_rows);
  // By value, so that a change of generator, standard library or platform shows.
  CHECK(Rows(split.holdout_rows.begin(), split.holdout_rows.begin() + 4) == Rows{1, 10, 11, 18});
}

TEST_CASE("--max-train-examples samples before it divides", "[split]") {
  const data::Dataset train = plain_dataset(1000);
  const data::Task task = data::glue_task("cola");
  const auto split = data::make_split(train, task, kTenth, 200, 7);
  CHECK(split.holdout_rows.size() == 20);
  CHECK(split.train_rows.size() == 180);
  const Rows sample = data::sample_rows(1000, 200, 7);
  CHECK(std::includes(sample.begin(), sample.end(), split.holdout_rows.begin(),
                      split.holdout_rows.end()));
  const auto dev = data::make_split(train, task, {.holdout = false, .fraction = 0}, 200, 7);
  CHECK(dev.train_rows == sample);
  CHECK(dev.holdout_rows.empty());
}

TEST_CASE("rounded scores are strata, and a row without a label validates nothing", "[split]") {
  data::Dataset train = plain_dataset(300);
  for (std::size_t i = 0; i < 300; ++i) {
    train.labels[i] = i % 2 == 0 ? std::numeric_limits<float>::quiet_NaN()
                                 : static_cast<float>(i % 5) + 0.001F * static_cast<float>(i);
  }
  const auto split = data::make_split(train, data::glue_task("stsb"), kTenth, 0, 0);
  const data::Dataset part = data::holdout_part(train, split);
  std::map<long, int> counts;
  for (const float label : part.labels) ++counts[std::isnan(label) ? -1 : std::lround(label)];
  CHECK(counts == std::map<long, int>{{0, 3}, {1, 3}, {2, 3}, {3, 3}, {4, 3}});
  CHECK(split.train_rows.size() == 285);  // every row without a label is trained on
}

TEST_CASE("a row without a label that shares a text with a held out row is in neither part",
          "[split]") {
  data::Dataset train = plain_dataset(300);
  for (std::int64_t i = 0; i < 300; ++i) {
    add_row(train, "Text  " + std::to_string(i), std::numeric_limits<float>::quiet_NaN());
  }
  const auto split = data::make_split(train, data::glue_task("cola"), kTenth, 0, 0);
  CHECK(split.holdout_rows.size() == 30);
  CHECK(split.train_rows.size() == 540);
  const std::set<std::int64_t> held_out(split.holdout_rows.begin(), split.holdout_rows.end());
  for (const std::int64_t row : split.train_rows) CHECK(held_out.count(row % 300) == 0);
}

TEST_CASE("rows that share a text stay on one side", "[split]") {
  base::Random random(1);
  data::Dataset train = empty_dataset();
  for (int i = 0; i < 600; ++i) {
    add_row(train, "premise " + std::to_string(random.below(400)), static_cast<float>(i % 2));
    const std::uint64_t number = random.below(2000);
    train.text_b.push_back(number < 30 ? "Premise  " + std::to_string(number)
                                       : "hypothesis " + std::to_string(number));
  }
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto split = data::make_split(train, data::glue_task("rte"), kTenth, 0, seed);
    CHECK(split.train_rows.size() + split.holdout_rows.size() == 600);
    CHECK(split.holdout_rows.size() == 60);
    const auto trained = texts_of(data::train_part(train, split));
    for (const std::string& text : texts_of(data::holdout_part(train, split))) {
      CHECK(trained.count(text) == 0);
    }
  }
}

TEST_CASE("groups too large for the strata's quotas still fill the holdout", "[split]") {
  data::Dataset train = empty_dataset();
  for (int i = 0; i < 20; ++i) {
    add_row(train, "text " + std::to_string(i / 2), i < 10 ? 0.0F : 1.0F);
  }
  const auto split = data::make_split(train, data::glue_task("cola"), kTenth, 0, 0);
  REQUIRE(split.holdout_rows.size() == 2);
  CHECK(split.holdout_rows[0] + 1 == split.holdout_rows[1]);
}

TEST_CASE("in a phrase task no text of one side contains one of the other", "[split]") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const data::Dataset train = phrase_dataset(120, seed);
    const auto split = data::make_split(train, data::glue_task("sst2"), kTenth, 0, seed);
    const data::Dataset holdout = data::holdout_part(train, split);
    const auto trained = texts_of(data::train_part(train, split));
    for (const std::string& text : texts_of(holdout)) {
      for (const std::string& other : trained) {
        if (contains(text, other) || contains(other, text)) FAIL(text << " | " << other);
      }
    }
    CHECK(std::abs(std::ssize(split.holdout_rows) - 72) <= 2);
    const auto dropped = train.size() - std::ssize(split.train_rows) - holdout.size();
    CHECK(dropped > 0);
    CHECK(dropped < train.size() / 4);
    CHECK(std::abs(share_of_class_1(holdout) - share_of_class_1(train)) < 0.03);
  }
}

TEST_CASE("in a phrase task only phrases of both sides are in neither", "[split]") {
  const data::Dataset train = phrase_dataset(100, 9);
  const auto split = data::make_split(train, data::glue_task("sst2"), kTenth, 0, 0);
  const auto trained = texts_of(data::train_part(train, split));
  const auto held_out = texts_of(data::holdout_part(train, split));
  std::set<std::int64_t> used(split.train_rows.begin(), split.train_rows.end());
  used.insert(split.holdout_rows.begin(), split.holdout_rows.end());
  for (std::int64_t row = 0; row < train.size(); ++row) {
    if (used.count(row) > 0) continue;
    const std::string text(train.text_a[static_cast<std::size_t>(row)]);
    const auto has = [&](const std::string& other) { return contains(other, text); };
    CHECK(std::any_of(trained.begin(), trained.end(), has));
    CHECK(std::any_of(held_out.begin(), held_out.end(), has));
  }
}

TEST_CASE("train files that cannot be divided are refused", "[split]") {
  const data::Task task = data::glue_task("cola");
  CHECK_THROWS_AS(data::make_split(plain_dataset(4), task, kTenth, 0, 0), base::DataError);
  data::Dataset same = empty_dataset();
  for (int i = 0; i < 50; ++i) add_row(same, "the same", 1);
  CHECK_THROWS_AS(data::make_split(same, task, kTenth, 0, 0), base::DataError);
  CHECK_THROWS_WITH(data::make_split(same, task, kTenth, 0, 0),
                    ContainsSubstring("train.tsv: 50 rows cannot be divided by holdout:0.1"));
  CHECK(data::make_split(plain_dataset(10), task, kTenth, 0, 0).holdout_rows.size() == 1);
}

TEST_CASE("split.json comes back as it was", "[split]") {
  const tests::TemporaryDirectory directory;
  data::save_split(small_split(), directory.path());
  CHECK(data::load_split(directory.path()) == small_split());
  const base::Json json = base::read_json(directory.path() / "split.json");
  CHECK(json.at("format") == 1);
  CHECK(json.at("validation") == "holdout:0.1");
  const auto dev = data::make_split(plain_dataset(9), data::glue_task("cola"),
                                    data::parse_validation("dev"), 0, 0);
  data::save_split(dev, directory.path());
  CHECK(data::load_split(directory.path()) == dev);
}

TEST_CASE("a split.json that is missing or no JSON is refused", "[split]") {
  const tests::TemporaryDirectory directory;
  CHECK_THROWS_AS(data::load_split(directory.path()), base::IoError);
  for (const char* bytes : {"", "{\"format\": 1", "[]", "{}", "7"}) {
    base::write_file(directory.path() / "split.json", bytes);
    CHECK_THROWS_AS(data::load_split(directory.path()), base::ArtifactError);
  }
}

TEST_CASE("a split.json of a newer format says found and supported", "[split]") {
  check_corrupt("format", 2, "found format 2, this version supports 1");
  check_corrupt("format", 0, "found format 0");
  check_corrupt("format", "1", "\"format\" is \"1\", expected a whole number");
}

TEST_CASE("a split.json with a bad value is refused", "[split]") {
  check_corrupt("validation", "holdout:2", "holdout:F");
  check_corrupt("validation", 3, "\"validation\" is 3, expected a text");
  check_corrupt("validation", "dev", "do not fit validation dev");
  check_corrupt("split_seed", -1, "\"split_seed\" is -1");
  check_corrupt("split_seed", 1.5, "\"split_seed\" is 1.5");
  check_corrupt("max_train_examples", -3, "\"max_train_examples\" is -3");
  check_corrupt("max_train_examples", true, "\"max_train_examples\" is true");
  check_corrupt("train_sha256", "abc", "expected 64 hex digits");
  check_corrupt("train_sha256", std::string(64, 'G'), "expected 64 hex digits");
  check_corrupt("train_rows", "0, 1", "must be an array");
  check_corrupt("train_rows", base::Json::array(), "0 train rows");
  check_corrupt("holdout_rows", base::Json::array(), "0 holdout rows");
  check_corrupt("train_rows", Rows{2, 0}, "not ascending: 0 after 2");
  check_corrupt("train_rows", Rows{2, 2}, "not ascending: 2 after 2");
  check_corrupt("holdout_rows", Rows{-1}, "\"holdout_rows\"[0] is -1");
  check_corrupt("holdout_rows", base::Json::parse("[1.0]"), "\"holdout_rows\"[0] is 1.0");
  check_corrupt("holdout_rows", base::Json::parse("[18446744073709551615]"), "\"holdout_rows\"[0]");
  check_corrupt("holdout_rows", Rows{1, 3}, "row 3 is both trained on and held out");
}

TEST_CASE("a split fits the train file that it was made for, no other", "[split]") {
  data::Dataset train = plain_dataset(4);
  CHECK(data::train_part(train, small_split()).rows == Rows{0, 2, 3});
  CHECK(data::holdout_part(train, small_split()).text_a == std::vector<std::string>{"text 1"});
  train.sha256 = std::string(64, 'b');
  CHECK_THROWS_AS(data::train_part(train, small_split()), base::ArtifactError);
  CHECK_THROWS_WITH(data::holdout_part(train, small_split()), ContainsSubstring(kSha256));
  CHECK_THROWS_AS(data::train_part(plain_dataset(3), small_split()), base::ArtifactError);
}

TEST_CASE("a split holds data rows, of which --skip-bad-rows may leave some out", "[split]") {
  const data::Dataset train = plain_dataset(6).subset({0, 1, 3, 5});  // rows 2 and 4 were bad
  data::TrainSplit split = small_split();
  split.train_rows = {0, 5};
  split.holdout_rows = {3};
  CHECK(data::train_part(train, split).text_a == std::vector<std::string>{"text 0", "text 5"});
  CHECK(data::holdout_part(train, split).rows == Rows{3});
  split.train_rows = {0, 4};
  CHECK_THROWS_WITH(data::train_part(train, split),
                    ContainsSubstring("names row 4, but train.tsv"));
}
