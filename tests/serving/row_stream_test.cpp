#include "serving/row_stream.h"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "base/error.h"
#include "catch.h"
#include "temporary_directory.h"

namespace reaugkd::serving {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMany = 1000;

/// What a reader of a file with these bytes gives, a window at a time.
class Rows {
 public:
  Rows(const std::string& bytes, RowLayout layout, OnError on_error = OnError::kStop) {
    const auto path = directory_.path() / "rows";
    std::ofstream(path, std::ios::binary) << bytes;
    reader_.emplace(ByteSource::file(path), std::move(layout), on_error);
  }
  std::vector<Row> all(std::size_t window = kMany) {
    std::vector<Row> rows;
    for (;;) {
      auto next = reader_->next(window, milliseconds(0));
      if (next.empty()) return rows;
      CHECK(next.size() <= window);
      for (auto& row : next) rows.push_back(std::move(row));
    }
  }
  RowStream& reader() { return *reader_; }

 private:
  tests::TemporaryDirectory directory_;
  std::optional<RowStream> reader_;
};

RowLayout of(RowFormat format, std::string text_a = "text", std::string text_b = "") {
  RowLayout layout;
  layout.format = format;
  layout.pair = !text_b.empty();
  layout.text_a = std::move(text_a);
  layout.text_b = std::move(text_b);
  return layout;
}

std::string error_of(const std::string& bytes, const RowLayout& layout) {
  try {
    Rows(bytes, layout).all();
  } catch (const base::DataError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

TEST_CASE("lines of text are rows, an empty line is an empty text, the last needs no end") {
  const auto rows = Rows("one\r\n\ntwo", of(RowFormat::kText)).all();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].text_a == "one");
  CHECK(rows[1].text_a.empty());
  CHECK(rows[2].text_a == "two");
  CHECK(rows[2].where.ends_with(":3"));
}

TEST_CASE("a byte order mark is no part of the first text") {
  CHECK(Rows("\xEF\xBB\xBFone\n", of(RowFormat::kText)).all().at(0).text_a == "one");
  Rows quoted("\xEF\xBB\xBF\"a\nname\",text\n1,one\n", of(RowFormat::kCsv));
  CHECK(quoted.all().at(0).text_a == "one");
  CHECK(quoted.reader().columns() == std::vector<std::string>{"a\nname", "text"});
}

TEST_CASE("lines of text pairs have one tab") {
  const auto layout = of(RowFormat::kText, "a", "b");
  const auto rows = Rows("one\ttwo\n", layout).all();
  CHECK(rows.at(0).text_a == "one");
  CHECK(rows.at(0).text_b == "two");
  CHECK(contains(error_of("one\n", layout), "two texts with one tab"));
  CHECK(contains(error_of("a\tb\tc\n", layout), "two texts with one tab"));
}

TEST_CASE("CSV: quotes hold commas, line ends and quotes, and rows keep their lines") {
  Rows rows("id,text\n1,\"a, \"\"b\"\"\nc\"\n\n2,d\n", of(RowFormat::kCsv));
  const auto all = rows.all(1);
  REQUIRE(all.size() == 2);
  CHECK(rows.reader().columns() == std::vector<std::string>{"id", "text"});
  CHECK(all[0].text_a == "a, \"b\"\nc");
  CHECK(all[0].fields == std::vector<std::string>{"1", "a, \"b\"\nc"});
  CHECK(all[0].where.ends_with(":2"));
  CHECK(all[1].text_a == "d");
  CHECK(all[1].where.ends_with(":5"));
}

TEST_CASE("TSV has no quotes, and columns may be numbers") {
  CHECK(Rows("text\tx\n\"a\t1\n", of(RowFormat::kTsv)).all().at(0).text_a == "\"a");
  auto layout = of(RowFormat::kTsv, "1");
  layout.header = false;
  Rows rows("1\ta\n2\tb\n", layout);
  CHECK(rows.all().at(1).text_a == "b");
  CHECK(rows.reader().columns() == std::vector<std::string>{"0", "1"});
}

TEST_CASE("JSON lines keep their objects") {
  const auto rows =
      Rows("{\"n\": 1, \"text\": \"a\"}\n{\"text\": 2}\n", of(RowFormat::kJsonl)).all();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].text_a == "a");
  CHECK(rows[0].object.dump() == R"({"n":1,"text":"a"})");
  CHECK(rows[1].text_a == "2");
}

TEST_CASE("a row that cannot be read says where, what and what to do") {
  const auto csv = of(RowFormat::kCsv);
  CHECK(contains(error_of("id,text\n1,a,b\n", csv),
                 ":2: found 3 fields, expected 2 as in the header"));
  CHECK(contains(error_of("id,text\n1\n", csv), ":2: found 1 field, expected 2 as in the header"));
  CHECK(contains(error_of("id,words\n1,a\n", csv), "no column \"text\", found id, words"));
  CHECK(contains(error_of("id,texts\n1,a\n", csv), "found id, texts: did you mean texts? Name it"));
  CHECK(contains(error_of("text,text\na,b\n", csv), "names \"text\" twice"));
  CHECK(contains(error_of("", csv), "is empty"));
  CHECK(contains(error_of("text\n\"a\" b\n", csv), "text follows a closing quote"));
  const auto text = of(RowFormat::kText);
  CHECK(contains(error_of("a\n\xFF\n", text), ":2: the line is not valid UTF-8"));
  CHECK(contains(error_of("\xFF\xFE"
                          "a",
                          text),
                 "UTF-16"));
  CHECK(contains(error_of("a\rb\n", text), "carriage return"));
  const auto json = of(RowFormat::kJsonl);
  CHECK(contains(error_of("[1]\n", json), ":1: expected a JSON object"));
  CHECK(contains(error_of("{\"a\": 1}\n", json), "has no \"text\""));
  CHECK(contains(error_of("{\"text\": []}\n", json), "is array, expected a text"));
}

TEST_CASE("the rows before a wrong one come first") {
  Rows rows("text\na\nb,c\nd\n", of(RowFormat::kCsv));
  CHECK(rows.reader().next(kMany, milliseconds(0)).size() == 1);
  CHECK_THROWS_AS(rows.reader().next(kMany, milliseconds(0)), base::DataError);
}

TEST_CASE("skipped errors are rows, and those behind them are read") {
  const auto rows = Rows("text\na\nb,c\nd\n", of(RowFormat::kCsv), OnError::kSkip).all();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].error.empty());
  CHECK(contains(rows[1].error, "found 2 fields"));
  CHECK(rows[2].text_a == "d");
}

TEST_CASE("a quote that is never closed ends the file, not the memory") {
  const auto error =
      error_of("text\n\"" + std::string(std::size_t{17} << 20, 'a'), of(RowFormat::kCsv));
  CHECK(contains(error, ":2: a row of more than 16 MiB"));
}

TEST_CASE("a quote that is open at the end is an error, and no row is lost in silence") {
  const auto csv = of(RowFormat::kCsv);
  CHECK(contains(error_of("text\na\n\"b\n", csv), ":3: a quote that opens in this row is never"));
  CHECK(contains(error_of("text\na\n\"b", csv), ":3: a quote that opens in this row is never"));
  CHECK(contains(error_of("\"text\n", csv), ":1: a quote that opens in this row is never"));
  Rows rows("text\na\n\"b\n", csv, OnError::kSkip);
  CHECK(rows.reader().next(kMany, milliseconds(0)).size() == 1);
  CHECK_THROWS_AS(rows.reader().next(kMany, milliseconds(0)), base::DataError);
}

TEST_CASE("any cut of the bytes into reads gives the same rows") {
  const RowFormat format = GENERATE(RowFormat::kCsv, RowFormat::kText);
  const std::string bytes = "\xEF\xBB\xBFtext,n\n\"a\n\"\"b\",1\nc,2\n\"\",3\n";
  const auto whole = Rows(bytes, of(format)).all();
  REQUIRE(whole.size() == (format == RowFormat::kCsv ? 3 : 5));
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    std::jthread writer([&] {
      CHECK(::write(ends[1], bytes.data(), cut) == static_cast<ssize_t>(cut));
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      CHECK(::write(ends[1], bytes.data() + cut, bytes.size() - cut) ==
            static_cast<ssize_t>(bytes.size() - cut));
      ::close(ends[1]);
    });
    RowStream reader(ByteSource(ends[0], "pipe", true), of(format), OnError::kStop);
    std::vector<Row> found;
    for (auto rows = reader.next(2, milliseconds(1)); !rows.empty();
         rows = reader.next(2, milliseconds(1))) {
      for (auto& row : rows) found.push_back(std::move(row));
    }
    REQUIRE(found.size() == whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) {
      CHECK(found[i].fields == whole[i].fields);
      CHECK(found[i].text_a == whole[i].text_a);
    }
  }
}

TEST_CASE("a row that no other follows is not kept waiting") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  RowStream reader(ByteSource(ends[0], "pipe", true), of(RowFormat::kText), OnError::kStop);
  REQUIRE(::write(ends[1], "one\n", 4) == 4);  // the pipe stays open
  CHECK(reader.next(kMany, milliseconds(60000)).size() == 1);
  REQUIRE(::write(ends[1], "two\nthr", 7) == 7);
  CHECK(reader.next(kMany, milliseconds(60000)).size() == 1);
  REQUIRE(::write(ends[1], "ee\n", 3) == 3);
  ::close(ends[1]);
  CHECK(reader.next(kMany, milliseconds(60000)).at(0).text_a == "three");
  CHECK(reader.next(kMany, milliseconds(60000)).empty());
}

TEST_CASE("formats by name, and their names") {
  CHECK(format_of_name("a.csv") == RowFormat::kCsv);
  CHECK(format_of_name("a.tsv") == RowFormat::kTsv);
  CHECK(format_of_name("a.jsonl") == RowFormat::kJsonl);
  CHECK(format_of_name("a.txt") == RowFormat::kText);
  for (const char* name : {"text", "tsv", "csv", "jsonl"}) {
    CHECK(to_string(parse_row_format(name)) == name);
  }
  CHECK_THROWS_AS(parse_row_format("xls"), base::ConfigError);
  CHECK_THROWS_AS(ByteSource::file("/nowhere/rows"), base::IoError);
}

}  // namespace
}  // namespace reaugkd::serving
