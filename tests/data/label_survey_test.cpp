// A task made of a training file and the names of its columns.
#include "data/label_survey.h"

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "data/custom_task.h"
#include "temporary_directory.h"

using namespace reaugkd;
using data::LabelKind;
using Texts = std::vector<std::string>;

namespace {

base::Json describe(const std::string& bytes, LabelKind kind = LabelKind::kAuto,
                    const std::string& name = "train.csv",
                    const data::Columns& columns = {"text", "", "label"},
                    data::BadRows bad_rows = data::BadRows::kRefuse) {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / name;
  base::write_file(path, bytes);
  return data::describe_task("mine", path, columns, kind, bad_rows);
}

Texts labels(const std::string& bytes) {
  return describe(bytes)["labels"].get<Texts>();
}

/// `count` rows whose labels are 0.5, 1.5, ...
std::string numbers(int count) {
  std::string bytes = "text,label\n";
  for (int i = 0; i < count; ++i) {
    bytes += "a" + std::to_string(i) + "," + std::to_string(i) + ".5\n";
  }
  return bytes;
}

}  // namespace

TEST_CASE("labels are collected in a fixed order", "[survey]") {
  CHECK(labels("text,label\na,pos\nb,neg\nc,\nd,pos\n") == Texts{"neg", "pos"});
  CHECK(labels("text,label\na,10\nb,9\nc,-1\n") == Texts{"-1", "9", "10"});
  CHECK(labels("text,label\na,10\nb,9\nc,x\n") == Texts{"10", "9", "x"});
  const auto description = describe("text,label\na,pos\nb,neg\n");
  CHECK(description["format"] == "csv");
  const auto task = data::custom_task(description, "flags");
  CHECK(task.name == "mine");
  CHECK(task.train.text_a_name == "text");
  CHECK(task.dev_file == "dev.csv");
}

TEST_CASE("the file's suffix says its format, a pair has two texts", "[survey]") {
  const auto jsonl =
      describe("{\"q\": \"a\", \"p\": \"b\", \"y\": 1}\n{\"q\": \"a\", \"p\": \"b\", \"y\": 0}\n",
               LabelKind::kAuto, "train.jsonl", {"q", "p", "y"});
  CHECK(jsonl["labels"].get<Texts>() == Texts{"0", "1"});
  CHECK(data::custom_task(jsonl, "flags").pair());
  CHECK(describe("text\tlabel\na\tx\nb\ty\n", LabelKind::kAuto, "train.tsv")["format"] == "tsv");
}

TEST_CASE("a row that is left out has no label to collect", "[survey]") {
  const std::string bytes = "text,label\na,pos\nb,neg\nc,new,er\ncaf\xE9,odd\n";
  CHECK_THROWS_WITH(describe(bytes), ContainsSubstring("train.csv:4: found 3 fields, expected 2"));
  const auto kept =
      describe(bytes, LabelKind::kAuto, "train.csv", {"text", "", "label"}, data::BadRows::kSkip);
  CHECK(kept["labels"].get<Texts>() == Texts{"neg", "pos"});
}

TEST_CASE("many numbers ask whether regression was meant", "[survey]") {
  CHECK(describe(numbers(20))["labels"].size() == 20);
  CHECK_THROWS_AS(describe(numbers(21)), base::ConfigError);
  CHECK_THROWS_WITH(
      describe(numbers(21)),
      ContainsSubstring("train.csv: \"label\" holds 21 different numbers: was regression "
                        "meant? Give `label_kind` scores"));
  CHECK_THROWS_WITH(describe(numbers(30) + "b,n/a\n"), ContainsSubstring("30 different numbers"));
  CHECK(describe(numbers(21), LabelKind::kClasses)["labels"].size() == 21);
  const auto scores = describe(numbers(21), LabelKind::kScores);
  CHECK(scores["regression"] == true);
  CHECK(data::custom_task(scores, "flags").regression());
}

TEST_CASE("a column that is hardly one of labels is asked about", "[survey]") {
  std::string bytes = "text,label\n";
  for (int i = 0; i < 41; ++i) bytes += "a,name" + std::to_string(i % 21) + "\n";
  CHECK_THROWS_WITH(describe(bytes), ContainsSubstring("21 different labels in 41 rows"));
  CHECK(describe(bytes + "a,name1\n")["labels"].size() == 21);
  CHECK(describe(bytes, LabelKind::kClasses)["labels"].size() == 21);
}

TEST_CASE("what makes no task is refused", "[survey]") {
  const std::string bytes = "text,label\na,pos\n";
  CHECK_THROWS_WITH(describe(bytes),
                    ContainsSubstring("found the label \"pos\" alone in \"label\""));
  CHECK_THROWS_WITH(describe("text,label\na,\n"), ContainsSubstring("found no label in \"label\""));
  CHECK_THROWS_WITH(describe(bytes, LabelKind::kAuto, "train.csv", {"text", "", ""}),
                    ContainsSubstring("`label_column` is required"));
  CHECK_THROWS_WITH(describe(bytes, LabelKind::kAuto, "train.csv", {"", "", "label"}),
                    ContainsSubstring("`text_column` is required"));
  CHECK_THROWS_WITH(
      describe(bytes, LabelKind::kAuto, "train.csv", {"text", "", "lable"}),
      ContainsSubstring("no column \"lable\" (label), found text, label: did you mean"));
  CHECK_THROWS_AS(data::parse_label_kind("class"), base::ConfigError);
}
