#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "catch.h"
#include "temporary_directory.h"

using namespace reaugkd;
using Rows = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

namespace {

data::Dataset read(const std::string& bytes, const std::string& task_name,
                   data::Split split = data::Split::kTrain) {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "train.tsv";
  base::write_file(path, bytes);
  const data::Task task = data::glue_task(task_name);
  return data::read_dataset(path, task, task.layout(split));
}

/// Reading must fail with a DataError that says all of these.
void check_refused(const std::string& bytes, const std::string& task, const Texts& said) {
  INFO(bytes);
  CHECK_THROWS_AS(read(bytes, task), base::DataError);
  for (const std::string& words : said) {
    CHECK_THROWS_WITH(read(bytes, task), ContainsSubstring(words));
  }
}

const std::string kRteHeader = "index\tsentence1\tsentence2\tlabel\n";

}  // namespace

TEST_CASE("a pair task's file is read column by column", "[dataset]") {
  const std::string bytes = kRteHeader + "0\tA b.\tC d.\tnot_entailment\n1\te\tf\tentailment\n";
  const data::Dataset dataset = read(bytes, "rte");
  CHECK(dataset.size() == 2);
  CHECK(dataset.text_a == Texts{"A b.", "e"});
  CHECK(dataset.text_b == Texts{"C d.", "f"});
  CHECK(dataset.labels == std::vector<float>{1, 0});
  CHECK(dataset.rows == Rows{0, 1});
  CHECK(dataset.sha256 == base::sha256(bytes));
  CHECK(dataset.fully_labelled());
}

TEST_CASE("quotes are ordinary characters", "[dataset]") {
  const data::Dataset dataset = read("x\t1\t\t\"He said\nx\t0\t\tno\" \"\"twice\"\"\n", "cola");
  CHECK(dataset.text_a == Texts{"\"He said", "no\" \"\"twice\"\""});
  CHECK(dataset.text_b.empty());
}

TEST_CASE("byte order mark, CRLF and a missing final newline change nothing", "[dataset]") {
  const Texts expected{"one", "two"};
  for (const char* bytes :
       {"sentence\tlabel\none\t1\ntwo\t0\n", "sentence\tlabel\r\none\t1\r\ntwo\t0\r\n",
        "\xEF\xBB\xBFsentence\tlabel\none\t1\ntwo\t0", "sentence\tlabel\none\t1\ntwo\t0\n\n",
        "sentence\tlabel\r\none\t1\r\ntwo\t0\r\n\r\n", "sentence\tlabel\r\none\t1\r\ntwo\t0"}) {
    INFO(bytes);
    const data::Dataset dataset = read(bytes, "sst2");
    CHECK(dataset.text_a == expected);
    CHECK(dataset.labels == std::vector<float>{1, 0});
  }
}

TEST_CASE("a byte order mark is no part of the first field", "[dataset]") {
  const tests::TemporaryDirectory directory;
  base::write_file(directory.path() / "a.tsv", "\xEF\xBB\xBFText\t1\n");
  const data::FileLayout layout{.header = false, .text_a = 0, .text_b = -1, .label = 1};
  const auto dataset =
      data::read_dataset(directory.path() / "a.tsv", data::glue_task("sst2"), layout);
  CHECK(dataset.text_a == Texts{"Text"});
}

TEST_CASE("scores are real numbers", "[dataset]") {
  const std::string row = "0\tg\tf\t2012\t1\tx\ty\ta\tb\t";
  const std::string header = "index\tg\tf\ty\to\ts\ts\tsentence1\tsentence2\tscore\n";
  const data::Dataset dataset = read(header + row + "3.800\n" + row + "5\n", "stsb");
  CHECK(dataset.labels == std::vector<float>{3.8F, 5.0F});
  for (const char* score : {"four", "3.8x", " 3.8", "nan", "inf", "1e99", "3,8"}) {
    std::string bytes = header;
    bytes.append(row).append("1\n").append(row).append(score).append("\n");
    check_refused(bytes, "stsb",
                  {"train.tsv:3: column 9 holds", score, "expected a finite number"});
  }
  check_refused(row + "3.8\n" + row + "5\n", "stsb", {"train.tsv:1: expected a header"});
}

TEST_CASE("an empty label field or no label column gives unlabelled rows", "[dataset]") {
  const data::Dataset dataset = read(kRteHeader + "0\ta\tb\t\n1\tc\td\tentailment\n", "rte");
  CHECK(std::isnan(dataset.labels[0]));
  CHECK_FALSE(dataset.labelled(0));
  CHECK(dataset.labelled(1));
  CHECK_FALSE(dataset.fully_labelled());
  const data::Dataset test = read("index\ts1\ts2\n0\ta\tb\n", "rte", data::Split::kTest);
  CHECK(test.text_b == Texts{"b"});
  CHECK_FALSE(test.labelled(0));
}

TEST_CASE("lines with too few columns are refused and counted", "[dataset]") {
  check_refused(kRteHeader + "0\ta\tb\tentailment\n1\tc\td\n2\te\tf\tentailment\n3\tg\n", "rte",
                {"train.tsv:3: found 3 fields, expected 4 as in the header", "(1 more"});
  check_refused("index\tsentence1\tsentence2\n", "rte", {"train.tsv:1: expected at least 4"});
}

TEST_CASE("unknown labels are refused", "[dataset]") {
  check_refused(kRteHeader + "0\ta\tb\tneutral\n", "rte",
                {"train.tsv:2: unknown label \"neutral\" in column 3",
                 "did you mean \"entailment\"?", "rte has 2 labels"});
  check_refused(kRteHeader + "0\ta\tb\tEntailment\n", "rte", {"train.tsv:2: unknown label"});
  check_refused(kRteHeader + "0\ta\tb\t\xFF" + std::string(500, 'x') + "\n", "rte",
                {"\"\xEF\xBF\xBDxxx", "xxx...\""});
}

TEST_CASE("labels that are not the task's are new classes where they are asked for", "[dataset]") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "more.tsv";
  base::write_file(path, kRteHeader +
                             "0\ta\tb\tmaybe\n1\ta\tb\tentailment\n2\ta\tb\t\n"
                             "3\ta\tb\tnever\n4\ta\tb\tmaybe\n");
  const data::Task task = data::glue_task("rte");
  std::vector<std::string> more = {"known"};
  const auto rows = data::read_dataset(path, task, task.train, data::BadRows::kRefuse, more);
  CHECK(more == Texts{"known", "maybe", "never"});
  CHECK(rows.labels[0] == 3);
  CHECK(rows.labels[1] < 2);
  CHECK_FALSE(rows.labelled(2));
  CHECK(rows.labels[3] == 4);
  CHECK(rows.labels[4] == 3);
  const auto wider = data::with_new_classes(task, more);
  CHECK(wider.labels[3] == "maybe");
  CHECK(wider.submission_labels.size() == wider.labels.size());
}

TEST_CASE("rows of two files keep their ids", "[dataset]") {
  const auto first = read(kRteHeader + "0\ta\tb\tentailment\n1\tc\td\tentailment\n", "rte");
  const auto second = read(kRteHeader + "0\te\tf\tnot_entailment\n", "rte");
  const auto both = data::joined(first, second);
  REQUIRE(both.size() == 3);
  CHECK(both.id(1) == first.id(1));
  CHECK(both.id(2) == second.id(0));
  CHECK(both.subset({2, 0}).id(0) == second.id(0));
  CHECK(both.text_b[2] == "f");
}

TEST_CASE("a header too many and a header too few are refused", "[dataset]") {
  check_refused("source\tlabel\tmark\tsentence\nx\t1\t\tA\n", "cola",
                {"train.tsv:1: unknown label \"label\"", "is it a header?"});
  check_refused("good film\t1\nbad film\t0\n", "sst2",
                {"train.tsv:1: expected a header, got a row with the label \"1\""});
}

TEST_CASE("texts must be UTF-8", "[dataset]") {
  check_refused("sentence\tlabel\nfine\t1\ncaf\xE9\t1\n", "sst2",
                {"train.tsv:3: column 0 is not valid UTF-8", "caf\xEF\xBF\xBD"});
  CHECK(read("sentence\tlabel\ncaf\xC3\xA9\t1\n", "sst2").text_a == Texts{"caf\xC3\xA9"});
}

TEST_CASE("a file without data rows is refused, a missing one is an IoError", "[dataset]") {
  check_refused("", "sst2", {"train.tsv: no data rows"});
  check_refused("sentence\tlabel\n", "sst2", {"no data rows were found after the header"});
  check_refused("", "cola", {"no data rows"});
  const data::Task task = data::glue_task("rte");
  CHECK_THROWS_AS(data::read_dataset("/nowhere/train.tsv", task, task.train), base::IoError);
}

TEST_CASE("an id is the file's sha256 and the data row, also in a subset", "[dataset]") {
  const std::string bytes = "sentence\tlabel\na\t1\nb\t0\nc\t1\n";
  const data::Dataset dataset = read(bytes, "sst2");
  CHECK(dataset.id(2).to_string() == base::sha256(bytes).substr(0, 16) + ":2");
  const data::Dataset subset = dataset.subset({2, 0});
  CHECK(subset.text_a == Texts{"c", "a"});
  CHECK(subset.labels == std::vector<float>{1, 1});
  CHECK(subset.rows == Rows{2, 0});
  CHECK((subset.id(0) == dataset.id(2)));
  CHECK(subset.sha256 == dataset.sha256);
  CHECK_THROWS_AS(dataset.subset({3}), base::InternalError);
}

TEST_CASE("sample_rows is a seeded sample in file order", "[dataset]") {
  CHECK(data::sample_rows(4, 0, 1) == Rows{0, 1, 2, 3});
  CHECK(data::sample_rows(4, 4, 1) == Rows{0, 1, 2, 3});
  CHECK(data::sample_rows(4, 9, 1) == Rows{0, 1, 2, 3});
  const Rows sample = data::sample_rows(1000, 100, 1);
  CHECK(sample.size() == 100);
  CHECK(std::is_sorted(sample.begin(), sample.end()));
  CHECK(std::set<std::int64_t>(sample.begin(), sample.end()).size() == 100);
  CHECK(sample == data::sample_rows(1000, 100, 1));
  CHECK(sample != data::sample_rows(1000, 100, 2));
  // A larger sample holds the smaller one: learning curves grow by rows, not by chance.
  const Rows larger = data::sample_rows(1000, 200, 1);
  CHECK(std::includes(larger.begin(), larger.end(), sample.begin(), sample.end()));
  // The mean row of 100 among 1000 is 499.5, its standard deviation 27.
  double mean = 0;
  for (const std::int64_t row : sample) mean += static_cast<double>(row) / 100;
  CHECK(std::abs(mean - 499.5) < 4 * 27);
}

TEST_CASE("normalised_text folds case and white space only", "[dataset]") {
  CHECK(data::normalised_text("  A  B\t\nc ") == "a b c");
  CHECK(data::normalised_text("\xC3\x89t\xC3\xA9\xC2\xA0"
                              "1") == "\xC3\xA9t\xC3\xA9 1");
  CHECK(data::normalised_text("a,b") == "a,b");
  CHECK(data::normalised_text("a , b") == "a , b");
  CHECK(data::normalised_text(" \t ").empty());
}
