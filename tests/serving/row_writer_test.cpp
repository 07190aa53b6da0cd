#include "serving/row_writer.h"

#include <fstream>

#include "catch.h"
#include "temporary_directory.h"

namespace reaugkd::serving {
namespace {

using base::Json;

const std::vector<std::string> kNames = {"prediction", "probability"};
const Json kFields = {{"prediction", "yes"}, {"probability", 0.75}};

/// A reader of these bytes with its first row.
struct Input {
  Input(const std::string& bytes, RowFormat format) {
    std::ofstream(directory.path() / "rows", std::ios::binary) << bytes;
    RowLayout layout;
    layout.format = format;
    layout.text_a = "text";
    reader.emplace(ByteSource::file(directory.path() / "rows"), layout, OnError::kSkip);
    rows = reader->next(10, std::chrono::milliseconds(0));
  }
  tests::TemporaryDirectory directory;
  std::optional<RowStream> reader;
  std::vector<Row> rows;
};

std::string written(AnswerFormat format, const Input& input) {
  const auto writer = make_row_writer(format, *input.reader, kNames);
  const auto header = writer->header(input.rows.at(0));
  return header + writer->row(input.rows.at(0), kFields);
}

TEST_CASE("what a row came with is passed through in every format") {
  const Input text("a\n", RowFormat::kText);
  CHECK(written(AnswerFormat::kJsonl, text) ==
        "{\"text\":\"a\",\"prediction\":\"yes\",\"probability\":0.75}\n");
  CHECK(written(AnswerFormat::kTsv, text) == "text\tprediction\tprobability\na\tyes\t0.75\n");
  const Input csv("n,text\n1,\"a, \"\"b\"\"\"\n", RowFormat::kCsv);
  CHECK(written(AnswerFormat::kCsv, csv) ==
        "n,text,prediction,probability\n1,\"a, \"\"b\"\"\",yes,0.75\n");
  CHECK(written(AnswerFormat::kJsonl, csv) ==
        "{\"n\":\"1\",\"text\":\"a, \\\"b\\\"\",\"prediction\":\"yes\",\"probability\":0.75}\n");
  const Input json("{\"n\": [1], \"text\": \"a\"}\n", RowFormat::kJsonl);
  CHECK(written(AnswerFormat::kTsv, json) ==
        "n\ttext\tprediction\tprobability\n[1]\ta\tyes\t0.75\n");
}

TEST_CASE("an input column that is called as an answer is refused") {
  const Input csv("text,prediction\na,b\n", RowFormat::kCsv);
  CHECK_THROWS_AS(written(AnswerFormat::kCsv, csv), base::ConfigError);
  const Input json("{\"text\": \"a\", \"probability\": 1}\n", RowFormat::kJsonl);
  CHECK_THROWS_AS(written(AnswerFormat::kJsonl, json), base::ConfigError);
}

TEST_CASE("TSV refuses what it cannot hold") {
  const Input csv("text\n\"a\nb\"\n", RowFormat::kCsv);
  CHECK_THROWS_AS(written(AnswerFormat::kTsv, csv), base::DataError);
  const Input json("{\"text\": \"a\"}\n{\"text\": \"b\", \"more\": 1}\n", RowFormat::kJsonl);
  const auto writer = make_row_writer(AnswerFormat::kCsv, *json.reader, kNames);
  writer->header(json.rows.at(0));
  CHECK_THROWS_AS(writer->row(json.rows.at(1), kFields), base::DataError);
}

TEST_CASE("the table fits 80 columns, whatever the text and the label") {
  const Input text(std::string(500, 'x') + "\n", RowFormat::kText);
  const auto writer = make_row_writer(AnswerFormat::kTable, *text.reader, kNames);
  const Json fields = {{"prediction", std::string(60, 'y')}, {"probability", 0.5}};
  const auto line = writer->row(text.rows.at(0), fields);
  CHECK(line.size() <= 81);
  CHECK(line.find("0.5000") != line.npos);
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
}

TEST_CASE("names of formats of answers") {
  CHECK(parse_answer_format("table") == AnswerFormat::kTable);
  CHECK_THROWS_AS(parse_answer_format("xml"), base::ConfigError);
}

}  // namespace
}  // namespace reaugkd::serving
