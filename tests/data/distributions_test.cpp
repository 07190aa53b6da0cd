// Distributions given in a file's own columns, in every format, and what is refused of them.
#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "data/custom_task.h"
#include "data/dataset.h"
#include "temporary_directory.h"

using namespace reaugkd;

namespace {

data::Task mood(const std::string& format) {
  return data::custom_task({{"name", "mood"},
                            {"format", format},
                            {"text_a", "text"},
                            {"label", "mood"},
                            {"labels", {"sad", "glad"}}},
                           "task.json");
}

data::Dataset read(const data::Task& task, const std::string& bytes,
                   data::BadRows bad_rows = data::BadRows::kRefuse) {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "file";
  base::write_file(path, bytes);
  data::FileLayout layout = task.train;
  layout.distribution_names = task.distribution_names();
  return data::read_dataset(path, task, layout, bad_rows);
}

const std::vector<float> kExpected = {0.25F, 0.75F, 1, 0};

}  // namespace

TEST_CASE("the columns are spelt as in predictions.tsv", "[distributions]") {
  CHECK(mood("tsv").distribution_names() == std::vector<std::string>{"p_sad", "p_glad"});
  CHECK(data::glue_task("stsb").distribution_names() == std::vector<std::string>{"score"});
}

TEST_CASE("TSV, CSV and JSON lines give the same distributions, columns in any order",
          "[distributions]") {
  const auto tsv = read(mood("tsv"), "p_glad\ttext\tp_sad\tmood\n0.75\ta\t0.25\t\n0\tb\t1\tsad\n");
  CHECK(tsv.distributions == kExpected);
  CHECK(tsv.labels[1] == 0);
  const auto csv = read(mood("csv"), "text,p_sad,p_glad\n\"a\",0.25,\"0.75\"\nb,1,0\n");
  CHECK(csv.distributions == kExpected);
  CHECK_FALSE(csv.labelled(0));
  const auto jsonl = read(mood("jsonl"),
                          "{\"p_sad\": 0.25, \"text\": \"a\", \"p_glad\": 7.5e-1}\n"
                          "{\"text\": \"b\", \"mood\": \"sad\", \"p_sad\": 1, \"p_glad\": 0}\n");
  CHECK(jsonl.distributions == kExpected);
  CHECK(jsonl.subset({1}).distributions == std::vector<float>{1, 0});
}

TEST_CASE("a GLUE file may have them behind its own columns; scores are scores",
          "[distributions]") {
  const auto rows =
      read(data::glue_task("sst2"), "sentence\tlabel\tp_0\tp_1\na\t\t0.25\t0.75\nb\t1\t1\t0\n");
  CHECK(rows.distributions == kExpected);
  auto task = data::custom_task({{"name", "similar"},
                                 {"text_a", "a"},
                                 {"text_b", "b"},
                                 {"label", "gold"},
                                 {"regression", true}},
                                "task.json");
  CHECK(read(task, "a\tb\tscore\nx\ty\t-1.5\n").distributions == std::vector<float>{-1.5F});
}

TEST_CASE("a sum within 1e-3 of 1 is made exact", "[distributions]") {
  const auto rows = read(mood("csv"), "text,p_sad,p_glad\na,0.3,0.7009\n");
  CHECK(rows.distributions[0] == Approx(0.3 / 1.0009).epsilon(1e-6));
  CHECK(rows.distributions[0] + rows.distributions[1] == Approx(1).epsilon(1e-7));
}

TEST_CASE("what is no distribution is refused with its line", "[distributions]") {
  const auto refused = [](const std::string& row, const std::string& words) {
    const std::string bytes = "text,p_sad,p_glad\ngood,0.5,0.5\n" + row + "\n";
    CHECK_THROWS_AS(read(mood("csv"), bytes), base::DataError);
    CHECK_THROWS_WITH(read(mood("csv"), bytes),
                      ContainsSubstring("file:3: ") && ContainsSubstring(words));
    CHECK(read(mood("csv"), bytes, data::BadRows::kSkip).distributions.size() == 2);
  };
  refused("a,0.5,0.502", "p_sad, p_glad sum to 1.002, expected 1");
  refused("a,1.5,-0.5", "p_glad is \"-0.5\"");
  refused("a,nan,0.5", "p_sad is \"nan\"");
  refused("a,inf,0.5", "p_sad is \"inf\"");
  refused("a,,1", "p_sad is \"\", expected a probability");
  refused("a,0.5", "found 2 fields, expected 3");
  CHECK_THROWS_WITH(read(mood("jsonl"), "{\"text\": \"a\", \"p_sad\": 1}\n"),
                    ContainsSubstring("file:1: has no \"p_glad\""));
}

TEST_CASE("files that lack the columns are refused", "[distributions]") {
  CHECK_THROWS_WITH(read(mood("tsv"), "text\tmood\tp_sad\na\tsad\t1\n"),
                    ContainsSubstring("no column \"p_glad\""));
  CHECK_THROWS_WITH(read(data::glue_task("cola"), "x\t1\t\ttext\n"),
                    ContainsSubstring("no header"));
}
