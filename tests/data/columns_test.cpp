#include "data/columns.h"

#include "base/error.h"
#include "catch.h"
#include "data/custom_task.h"

using namespace reaugkd;
using data::FileFormat;

namespace {

data::Task pairs() {
  return data::custom_task({{"name", "pairs"},
                            {"format", "csv"},
                            {"text_a", "one"},
                            {"text_b", "two"},
                            {"label", "same"},
                            {"labels", {"no", "yes"}}},
                           "task.json");
}

}  // namespace

TEST_CASE("the format is that of the name", "[columns]") {
  CHECK(data::format_of_file("a/b.csv", FileFormat::kTsv) == FileFormat::kCsv);
  CHECK(data::format_of_file("b.jsonl", FileFormat::kTsv) == FileFormat::kJsonl);
  CHECK(data::format_of_file("b.txt", FileFormat::kCsv) == FileFormat::kCsv);
  CHECK(data::to_string(FileFormat::kTsv) == "tsv");
}

TEST_CASE("named columns stay the task's where no other name is given", "[columns]") {
  const auto task = data::laid_out(pairs(), FileFormat::kJsonl, {"", "", "answer"});
  CHECK(task.format == FileFormat::kJsonl);
  CHECK(task.dev.text_a_name == "one");
  CHECK(task.dev.text_b_name == "two");
  CHECK(task.dev.label_name == "answer");
  const auto same = data::laid_out(pairs(), FileFormat::kCsv, {});
  CHECK(same.train.text_a_name == "one");
}

TEST_CASE("named columns take the place of numbered ones as a whole", "[columns]") {
  const auto task = data::laid_out(data::glue_task("cola"), FileFormat::kCsv, {"text", "", "ok"});
  CHECK(task.train.header);
  CHECK(task.train.text_a_name == "text");
  CHECK(task.train.label_name == "ok");
  CHECK(task.test.label_may_be_absent);
  const auto unlabelled =
      data::laid_out(data::glue_task("cola"), FileFormat::kTsv, {"text", "", ""});
  CHECK(unlabelled.dev.label == -1);
  CHECK(unlabelled.dev.label_name.empty());
  const auto own = data::laid_out(data::glue_task("cola"), FileFormat::kTsv, {});
  CHECK_FALSE(own.train.header);
}

TEST_CASE("columns that do not fit the task are refused", "[columns]") {
  const auto refused = [](const data::Task& task, FileFormat format, const data::Columns& columns,
                          const std::string& words) {
    CHECK_THROWS_AS(data::laid_out(task, format, columns), base::ConfigError);
    CHECK_THROWS_WITH(data::laid_out(task, format, columns), ContainsSubstring(words));
  };
  const auto sst2 = data::glue_task("sst2");
  refused(sst2, FileFormat::kTsv, {"a", "b", ""}, "`text_pair_column` b: task sst2 has one text");
  refused(sst2, FileFormat::kCsv, {}, "task sst2 gives its columns by number, in files of tsv");
  refused(sst2, FileFormat::kTsv, {"", "", "label"},
          "name those of this tsv file with `text_column`");
  refused(data::glue_task("rte"), FileFormat::kCsv, {"a", "", "y"}, "give `text_pair_column`");
}
