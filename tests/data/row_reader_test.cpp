// No row is changed silently: what a file may get wrong, in every format and layout, with line,
// found, expected and remedy; and what --skip-bad-rows then keeps.
#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "data/custom_task.h"
#include "data/dataset.h"
#include "data/records.h"
#include "temporary_directory.h"

using namespace reaugkd;
using Texts = std::vector<std::string>;

namespace {

data::Task mood(const std::string& format, const Texts& labels = {"neg", "pos"}) {
  return data::custom_task({{"name", "mood"},
                            {"format", format},
                            {"text_a", "text"},
                            {"label", "label"},
                            {"labels", labels}},
                           "task.json");
}

data::Dataset read(const data::Task& task, const std::string& bytes,
                   data::BadRows bad_rows = data::BadRows::kRefuse,
                   data::Split split = data::Split::kTrain) {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "file";
  base::write_file(path, bytes);
  return data::read_dataset(path, task, task.layout(split), bad_rows);
}

std::string refusal(const data::Task& task, const std::string& bytes,
                    data::Split split = data::Split::kTrain) {
  try {
    read(task, bytes, data::BadRows::kRefuse, split);
  } catch (const base::DataError& error) {
    return error.what();
  }
  return "accepted";
}

/// Rows a, bad, c: the bad one is refused on its line with these words, and left out on request.
void check_bad_row(const std::string& format, const std::string& header, const std::string& bad,
                   const std::string& words) {
  const std::string quote = format == "csv" ? "\"" : "";
  const std::string separator = format == "csv" ? "," : "\t";
  const auto row = [&](const std::string& text) {
    if (format == "jsonl") return R"({"text": ")" + text + R"(", "label": "pos"})" + "\n";
    return quote + text + quote + separator + "pos\n";
  };
  const std::string bytes = header + row("a") + bad + "\n" + row("c");
  INFO(bytes);
  const std::string line = format == "jsonl" ? "file:2: " : "file:3: ";
  CHECK_THAT(refusal(mood(format), bytes), ContainsSubstring(line) && ContainsSubstring(words) &&
                                               ContainsSubstring("`skip_bad_rows` leaves"));
  const auto rows = read(mood(format), bytes, data::BadRows::kSkip);
  CHECK(rows.text_a == Texts{"a", "c"});
  CHECK(rows.rows == std::vector<std::int64_t>{0, 2});
  CHECK(rows.skipped == 1);
  CHECK(rows.lines ==
        (format == "jsonl" ? std::vector<std::int64_t>{1, 3} : std::vector<std::int64_t>{2, 4}));
}

}  // namespace

TEST_CASE("a bad row of CSV is refused, or left out alone", "[rows]") {
  const std::string header = "text,label\n";
  check_bad_row(
      "csv", header, "well, a comma,pos",
      "found 3 fields, expected 2 as in the header: put a field that has commas in double");
  check_bad_row("csv", header, "b", "found 1 field, expected 2 as in the header");
  check_bad_row("csv", header, ",,", "found a row of empty fields, expected a text");
  check_bad_row("csv", header, ",", "delete the line");
  check_bad_row("csv", header, "\"\",\"\"", "found a row of empty fields");
  check_bad_row("csv", header, "b\rb,pos", "found a carriage return (CR) within the line");
  check_bad_row("csv", header, "b,pos\r\r", "found a carriage return (CR) within the line");
  check_bad_row("csv", header, "caf\xE9,pos", "\"text\" is not valid UTF-8 (\"caf\xEF\xBF\xBD\")");
  check_bad_row("csv", header, "b,p\xF6s", "unknown label \"p\xEF\xBF\xBDs\" in \"label\"");
  check_bad_row("csv", header, std::string("b\0b,pos", 7), "\"text\" holds a NUL byte");
  check_bad_row("csv", header, "b,positive", "did you mean \"pos\"? Task mood has 2 labels");
  CHECK(read(mood("csv"), "text,label\r\n\"a\rb\",pos\r\n").text_a == Texts{"a\rb"});
  CHECK(read(mood("csv"), "text,label\n\n\na,pos\n\n").text_a == Texts{"a"});  // no records
}

TEST_CASE("a bad row of TSV is refused, or left out alone", "[rows]") {
  const std::string header = "text\tlabel\n";
  check_bad_row("tsv", header, "b\tpos\t", "found 3 fields, expected 2 as in the header");
  check_bad_row("tsv", header, "b", "found 1 field, expected 2 as in the header: fields are split");
  check_bad_row("tsv", header, "", "found a row of empty fields");
  check_bad_row("tsv", header, "\t\t", "found a row of empty fields");
  check_bad_row("tsv", header, "b\rb\tpos", "found a carriage return (CR) within the line");
  check_bad_row("tsv", header, "caf\xE9\tpos", "\"text\" is not valid UTF-8");
}

TEST_CASE("a bad JSON line is refused, or left out alone", "[rows]") {
  check_bad_row("jsonl", "", R"({"text": "b", "text": "d", "label": "pos"})",
                "has the key \"text\" twice, expected it once");
  check_bad_row("jsonl", "", R"({"txt": "b", "label": "pos"})",
                "has no \"text\", found txt, label: did you mean txt?");
  check_bad_row("jsonl", "", "{}", "has no \"text\", found no key at all");
  check_bad_row("jsonl", "", R"({"text": "b", "label": "ps"})", "did you mean \"pos\"?");
  check_bad_row("jsonl", "", R"({"text": "b\u0000", "label": "pos"})", "holds a NUL byte");
  check_bad_row("jsonl", "", "{\"text\": \"caf\xE9\"}", "expected a JSON object a line");
  check_bad_row("jsonl", "", "{\"text\": \"b\"}\r{\"text\": \"d\"}", "expected a JSON object");
  CHECK(read(mood("jsonl"), "{\"text\": \"\", \"more\": {\"text\": 1}}\n").text_a == Texts{""});
}

TEST_CASE("GLUE's own layouts are as strict", "[rows]") {
  const auto cola = data::glue_task("cola");
  CHECK_THAT(refusal(cola, "x\t1\t\ta\nx\t0\t\tb\tc\n"),
             ContainsSubstring("file:2: found 5 fields, expected 4 as in the first line"));
  CHECK_THAT(refusal(cola, "x\t1\t\ta\nx\t0\t\n"), ContainsSubstring("file:2: found 3 fields"));
  const auto sst2 = data::glue_task("sst2");
  CHECK_THAT(refusal(sst2, "sentence\tlabel\na\tb\t1\n"),
             ContainsSubstring("file:2: found 3 fields, expected 2 as in the header"));
  CHECK_THAT(refusal(sst2, "index\tsentence\n0\ta\tb\n", data::Split::kTest),
             ContainsSubstring("file:2: found 3 fields"));
  const auto mrpc = data::glue_task("mrpc");
  const std::string header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
  CHECK_THAT(refusal(mrpc, header + "1\t2\t3\ta\tb\tc\n"), ContainsSubstring("found 6 fields"));
  CHECK(read(mrpc, header + "1\t2\t3\ta\tb\n").text_b == Texts{"b"});
}

TEST_CASE("files whose records cannot be told apart are refused as a whole", "[rows]") {
  const auto refused = [](const std::string& bytes, const std::string& words) {
    for (const auto bad_rows : {data::BadRows::kRefuse, data::BadRows::kSkip}) {
      CHECK_THROWS_AS(read(mood("csv"), bytes, bad_rows), data::BrokenFile);
      CHECK_THROWS_WITH(read(mood("csv"), bytes, bad_rows), ContainsSubstring(words));
    }
  };
  refused("text,label\ra,pos\rb,neg\r", "its lines end in a carriage return alone");
  refused("text,label\ra,pos", "convert it (tr '\\r' '\\n')");
  refused(std::string("\xFF\xFEt\0e\0", 6), "is in UTF-16, expected UTF-8: convert it");
  refused(std::string("t\0e\0x\0t\0,\0", 10), "is in UTF-16");
  refused(std::string("\0t\0e", 4), "is in UTF-16");
  refused("text,label\n\"a,pos\n", "the quote that opens here");
}

TEST_CASE("a header names each column once, and the nearest is named", "[rows]") {
  CHECK_THAT(refusal(mood("csv"), "text,label,text\na,pos,b\n"),
             ContainsSubstring("file:1: the header has the column \"text\" twice"));
  CHECK_THAT(
      refusal(mood("csv"), "Text,label\na,pos\n"),
      ContainsSubstring("no column \"text\" (text_a), found Text, label: did you mean Text?"));
  CHECK(read(mood("csv"), "text,label,x,x\na,pos,b,c\n").size() == 1);
  CHECK_THAT(refusal(mood("csv"), "text;label\na;pos\n"),
             ContainsSubstring("found text;label alone, expected columns with one comma between"));
  CHECK_THAT(refusal(mood("tsv"), "text,label\na,pos\n"),
             ContainsSubstring("with one tab between"));
}

TEST_CASE("a file without a good row says why", "[rows]") {
  CHECK_THROWS_WITH(read(mood("csv"), "text,label\na,b,pos\nc,d,pos\n", data::BadRows::kSkip),
                    ContainsSubstring("file: all 2 rows are bad, none is left; the first: ") &&
                        ContainsSubstring("file:2: found 3 fields"));
}

TEST_CASE("a new class must be a name on one line", "[rows]") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "more";
  Texts more;
  for (const char* label : {"\"two\nlines\"", "a\ttab", "caf\xE9"}) {
    base::write_file(path, std::string("text,label\na,") + label + "\n");
    const auto task = mood("csv");
    CHECK_THROWS_WITH(
        data::read_dataset(path, task, task.train, data::BadRows::kRefuse, more),
        ContainsSubstring("more:2: the label \"") && ContainsSubstring("it cannot be a class"));
  }
  CHECK(more.empty());
}

TEST_CASE("messages stay short, however many labels there are", "[rows]") {
  Texts labels;
  for (int i = 0; i < 1000; ++i) labels.push_back("label_number_" + std::to_string(i));
  const auto said = refusal(mood("csv", labels), "text,label\na,label_numbr_77\n");
  CHECK_THAT(said,
             ContainsSubstring("did you mean \"label_number_77\"? Task mood has 1000 labels"));
  CHECK(said.size() < 400);
  CHECK(data::shown("a\nb\rc\td") == "a\\nb\\rc\\td");
}

TEST_CASE("a part of a file knows its lines", "[rows]") {
  const auto records = data::make_records(data::FileFormat::kCsv,
                                          "a,b\n\xEF\xBB\xBF"
                                          "c\r,d\n",
                                          {}, "part", 41);
  data::Fields fields;
  REQUIRE(records->next(fields));
  CHECK(records->line() == 41);
  CHECK_THROWS_WITH(records->next(fields), ContainsSubstring("part:42: found a carriage return"));
  const auto lines = data::make_records(data::FileFormat::kTsv,
                                        "\xEF\xBB\xBF"
                                        "a\n",
                                        {}, "part", 7);
  REQUIRE(lines->next(fields));
  CHECK(fields[0] ==
        "\xEF\xBB\xBF"
        "a");  // a mark begins a file, not a part
  CHECK(lines->line() == 7);
  const auto json = data::make_records(data::FileFormat::kJsonl, "[]\n", {}, "part", 9);
  CHECK_THROWS_WITH(json->next(fields), ContainsSubstring("part:9: expected a JSON object"));
}
