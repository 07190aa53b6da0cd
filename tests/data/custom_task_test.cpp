// Tasks of one's own: descriptions good and bad, and the three file formats against rows written
// out by hand.
#include "data/custom_task.h"

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "data/dataset.h"
#include "metrics/metrics.h"
#include "temporary_directory.h"

using namespace reaugkd;
using Texts = std::vector<std::string>;

namespace {

base::Json description() {
  return {{"name", "mood"},
          {"format", "csv"},
          {"text_a", "text"},
          {"label", "mood"},
          {"labels", {"sad", "glad"}}};
}

data::Dataset read(const base::Json& task_description, const std::string& bytes,
                   data::BadRows bad_rows = data::BadRows::kRefuse,
                   data::Split split = data::Split::kTrain) {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "file";
  base::write_file(path, bytes);
  const data::Task task = data::custom_task(task_description, "task.json");
  return data::read_dataset(path, task, task.layout(split), bad_rows);
}

base::Json with(base::Json json, const std::string& key, const base::Json& value) {
  json[key] = value;
  return json;
}

}  // namespace

TEST_CASE("CSV has quotes, doubled quotes and line ends within fields", "[custom]") {
  const std::string bytes =
      "\xEF\xBB\xBFid,mood,text\r\n"
      "1,sad,\"rain, \"\"again\"\"\nand again\"\r\n"
      "\n"
      "2,glad,plain \"quotes\" inside\r\n"
      "3,,\"\"\n"
      "4,sad,last";
  const auto rows = read(description(), bytes);
  CHECK(rows.text_a == Texts{"rain, \"again\"\nand again", "plain \"quotes\" inside", "", "last"});
  CHECK(rows.labels[0] == 0);
  CHECK(rows.labels[1] == 1);
  CHECK(std::isnan(rows.labels[2]));
  CHECK(rows.rows == std::vector<std::int64_t>{0, 1, 2, 3});
}

TEST_CASE("a bad CSV file is refused with its line", "[custom]") {
  CHECK_THROWS_WITH(read(description(), "mood,text\nsad,a\nglad,\"never\nclosed\n"),
                    ContainsSubstring("file:3: the quote that opens here"));
  CHECK_THROWS_WITH(read(description(), "mood,text\nsad,\"a\"b\n"), ContainsSubstring("file:2:"));
  CHECK_THROWS_WITH(read(description(), "mood,texts\nsad,a\n"),
                    ContainsSubstring("no column \"text\""));
  // The line where a record begins, behind a record of two lines.
  CHECK_THROWS_WITH(read(description(), "mood,text\nsad,\"a\nb\"\nmad,c\n"),
                    ContainsSubstring("file:4: unknown label \"mad\""));
}

TEST_CASE("JSON lines have texts and labels of any kind", "[custom]") {
  auto json = with(description(), "format", "jsonl");
  json["labels"] = {"0", "1"};
  json["text_b"] = "more";
  const auto rows = read(json,
                         "{\"mood\": 1, \"text\": \"a\\tb\", \"more\": \"c\"}\n"
                         "{\"text\": \"d\", \"more\": \"\\u00e9\", \"mood\": null}\n"
                         "{\"mood\": \"0\", \"text\": \"e\", \"more\": \"f\"}\n");
  CHECK(rows.text_a == Texts{"a\tb", "d", "e"});
  CHECK(rows.text_b == Texts{"c", "\xC3\xA9", "f"});
  CHECK(rows.labels[0] == 1);
  CHECK(std::isnan(rows.labels[1]));
  CHECK(rows.labels[2] == 0);
  const std::string good = "{\"text\": \"a\", \"more\": \"\"}\n";  // an empty text is one
  CHECK_THROWS_WITH(read(json, good + "[1]\n"), ContainsSubstring("file:2:"));
  CHECK_THROWS_WITH(read(json, good + "{\"text\": \"a\"}\n"),
                    ContainsSubstring("file:2: has no \"more\", found text"));
  CHECK_THROWS_WITH(read(json, good + "{\"text\": null, \"more\": \"b\"}\n"),
                    ContainsSubstring("file:2: has no \"text\""));
  CHECK_THROWS_WITH(read(json, "{\"text\": [1]}\n"), ContainsSubstring("\"text\" is array"));
}

TEST_CASE("bad rows are left out on request and keep the others' numbers", "[custom]") {
  const std::string bytes = "mood,text\nsad,a\nmad,b\nglad\nglad,c\xFF\nglad,d\n";
  CHECK_THROWS_AS(read(description(), bytes), base::DataError);
  const auto rows = read(description(), bytes, data::BadRows::kSkip);
  CHECK(rows.skipped == 3);
  CHECK(rows.text_a == Texts{"a", "d"});
  CHECK(rows.labels == std::vector<float>{0, 1});
  CHECK(rows.rows == std::vector<std::int64_t>{0, 4});
  // Behind a quote that is never closed there is nothing to go on with.
  CHECK_THROWS_AS(read(description(), "mood,text\nsad,a\nglad,\"b\n", data::BadRows::kSkip),
                  base::DataError);
  const auto jsonl = with(description(), "format", "jsonl");
  const auto lines = read(jsonl, "{\n{\"text\": \"a\", \"mood\": \"sad\"}\n", data::BadRows::kSkip);
  CHECK(lines.rows == std::vector<std::int64_t>{1});
}

TEST_CASE("columns by number, regression, files without labels", "[custom]") {
  const base::Json json = {{"name", "score"},   {"header", false}, {"text_a", 1},
                           {"text_b", 2},       {"label", 0},      {"regression", true},
                           {"dev", "valid.tsv"}};
  const auto task = data::custom_task(json, "task.json");
  CHECK(task.regression());
  CHECK(task.pair());
  CHECK(task.metrics == Texts{"pearson", "spearmanr"});
  CHECK(task.dev_file == "valid.tsv");
  CHECK(task.train_file == "train.tsv");
  CHECK(read(json, "2.5\ta\tb\n").labels == std::vector<float>{2.5F});
  const auto unlabelled =
      read(description(), "text\na\n", data::BadRows::kRefuse, data::Split::kTest);
  CHECK(std::isnan(unlabelled.labels.at(0)));
}

TEST_CASE("a numbered label column of a test file is read where it is there", "[custom]") {
  const base::Json json = {{"name", "mood"},
                           {"header", false},
                           {"text_a", 0},
                           {"label", 1},
                           {"labels", {"sad", "glad"}}};
  const auto test = [&](const std::string& bytes) {
    return read(json, bytes, data::BadRows::kRefuse, data::Split::kTest).labels;
  };
  CHECK(test("a\tglad\nb\tsad\n") == std::vector<float>{1, 0});
  CHECK(std::isnan(test("a\nb\n").at(1)));
  CHECK_THROWS_WITH(test("a\nb\tglad\n"),
                    ContainsSubstring("file:2: found 2 fields, expected 1 as in the first line"));
  CHECK_THROWS_WITH(read(json, "a\n"), ContainsSubstring("expected at least 2 columns"));
}

TEST_CASE("numbers too small for a float are 0", "[custom]") {
  const base::Json json = {
      {"name", "score"}, {"header", false}, {"text_a", 0}, {"label", 1}, {"regression", true}};
  CHECK(read(json, "a\t1e-50\nb\t-1e-300\n").labels == std::vector<float>{0, 0});
  CHECK_THROWS_WITH(read(json, "a\t1e50\n"), ContainsSubstring("expected a finite number"));
}

TEST_CASE("a bad description names the key", "[custom]") {
  const auto refused = [](const base::Json& json, const std::string& words) {
    INFO(json.dump());
    CHECK_THROWS_AS(data::custom_task(json, "task.json"), base::ConfigError);
    CHECK_THROWS_WITH(data::custom_task(json, "task.json"), ContainsSubstring(words));
  };
  refused(with(description(), "columns", 1), "unknown key \"columns\"");
  refused(with(description(), "lable", "x"), "did you mean label?");
  refused(with(description(), "name", "sst2"), "not one of GLUE's");
  refused(with(description(), "format", "json"), "tsv, csv or jsonl: did you mean jsonl?");
  refused(with(description(), "labels", {"a", "a"}), "two or more different");
  refused(with(description(), "regression", true), "either \"labels\"");
  refused(with(description(), "metrics", {"bleu"}), "unknown metric \"bleu\"");
  refused(with(description(), "metrics", {"acuracy"}), "did you mean accuracy?");
  refused(with(description(), "metrics", {"pearson"}), "unknown metric");
  refused(with(description(), "metrics", {"accuracy", "accuracy"}), "names accuracy twice");
  static const bool added = [] {
    metrics::add_metric({.name = "error_rate",
                         .needs = metrics::Needs::kClasses,
                         .larger_is_better = false,
                         .function = [](auto, auto, auto) { return 0.0; }});
    return true;
  }();
  CHECK(added);
  refused(with(description(), "metrics", {"error_rate", "accuracy"}), "smaller is better of it");
  refused(with(description(), "text_a", -1), "\"text_a\" holds -1");
  refused(with(description(), "header", "yes"), "\"header\" holds \"yes\"");
  refused(with(description(), "header", false), "columns have numbers");
  refused(with(with(description(), "format", "jsonl"), "text_b", 2), "have names");
  auto no_text = description();
  no_text.erase("text_a");
  refused(no_text, "\"text_a\" is missing");
}
