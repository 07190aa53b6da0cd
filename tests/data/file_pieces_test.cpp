// A file in pieces is read as it is in one: the same rows, lines, labels and errors.
#include "data/file_pieces.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "catch.h"
#include "data/custom_task.h"
#include "data/row_reader.h"
#include "temporary_directory.h"

namespace base = reaugkd::base;
namespace data = reaugkd::data;

namespace {

data::Task task_of(const std::string& format) {
  const base::Json json = {{"name", "mood"},
                           {"format", format},
                           {"text_a", "text"},
                           {"label", "mood"},
                           {"labels", {"neg", "pos"}}};
  return data::custom_task(json, "mood.json");
}

/// What reading gives, errors too, as one text.
std::string reading_of(const std::filesystem::path& path, const data::Task& task,
                       std::size_t piece_size, data::BadRows bad_rows) {
  data::Dataset rows;
  rows.path = path;
  std::vector<std::string> labels;
  std::string all;
  data::FilePieces file(path, task.format, piece_size);
  try {
    data::RowReader(file, task, task.train, bad_rows, data::LabelSet::kTask, labels, rows).read();
    all = file.sha256();
  } catch (const base::DataError& error) {
    all = error.what();
  }
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(i);
    all += fmt::format("\n{} {} {} {}", rows.rows[row], rows.lines[row], rows.labels[row],
                       rows.text_a[row]);
  }
  return all;
}

void check_pieces(const std::string& format, const std::string& bytes) {
  const reaugkd::tests::TemporaryDirectory directory;
  const auto path = directory.path() / ("train." + format);
  base::write_file(path, bytes);
  for (const auto bad_rows : {data::BadRows::kRefuse, data::BadRows::kSkip}) {
    const std::string whole = reading_of(path, task_of(format), bytes.size() + 1, bad_rows);
    for (std::size_t size = 1; size <= bytes.size(); ++size) {
      INFO(format << " in pieces of " << size << " bytes: " << bytes);
      REQUIRE(reading_of(path, task_of(format), size, bad_rows) == whole);
    }
  }
}

}  // namespace

TEST_CASE("rows are the same whatever the pieces", "[file_pieces]") {
  check_pieces("tsv", "text\tmood\none\tpos\ntwo \"a\tneg\nthree\tpos");
  check_pieces("tsv", "\xEF\xBB\xBFtext\tmood\r\none\tpos\r\ntwo\tneg\r\n\r\n");
  check_pieces("tsv", "text\tmood\none\tpos\n\n\ntwo\tneg\n\n");
  check_pieces("csv", "text,mood\n\"o\nn, \"\"e\",pos\n\n\ntwo,neg\r\n\"\n\",\"pos\"\n\n");
  check_pieces("csv", "text,mood\none,pos\n\"two,neg\nthree,pos\n");
  check_pieces("csv", "\xEF\xBB\xBF\"text\",\"mood\"\none,pos\ntwo,neg\n");
  check_pieces("csv", "\xEF\xBB\xBF\"a\nb\",text,mood\nx,one,pos\ny,two,neg\n");
  check_pieces("jsonl", "{\"text\": \"one\\n\", \"mood\": \"pos\"}\n\n{\"text\": \"b\"}\n\n");
}

TEST_CASE("errors are the same whatever the pieces", "[file_pieces]") {
  check_pieces("tsv", "text\tmood\none\tpos\ntwo\tbad\nthree\tpos\nfour\n\nfive\tpos\tx\n");
  check_pieces("tsv", "text\tmood\none\tpos\rtwo\tneg\n");
  check_pieces("tsv", "text\tmood\rone\tpos\r");
  check_pieces("tsv", "\xFF\xFEt\0e\0x\0t\0\n\0");
  check_pieces("csv", "text,mood\none,pos\n\"two\"x,neg\nthree,pos\n");
  check_pieces("jsonl", "{\"text\": \"one\"}\n{\"text\"\n{\"text\": \"three\"}\n");
}

TEST_CASE("random csv is the same whatever the pieces", "[file_pieces]") {
  base::Random random(11);
  const std::string alphabet = "ab,\"\n\r";
  for (int i = 0; i < 60; ++i) {
    std::string bytes = "text,mood\n";
    for (int k = 0; k < 40; ++k) bytes += alphabet[random.below(alphabet.size())];
    check_pieces("csv", bytes);
  }
}

TEST_CASE("a file that becomes shorter while it is read is an error", "[file_pieces]") {
  const reaugkd::tests::TemporaryDirectory directory;
  const auto path = directory.path() / "train.tsv";
  base::write_file(path, "text\tmood\none\tpos\ntwo\tneg\n");
  data::FilePieces file(path, data::FileFormat::kTsv, 12);
  std::string_view piece;
  REQUIRE(file.next(piece));
  CHECK(piece == "text\tmood\n");
  std::filesystem::resize_file(path, 15);
  CHECK_THROWS_AS(
      [&] {
        while (file.next(piece)) {
        }
      }(),
      base::IoError);
}
