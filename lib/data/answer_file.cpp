#include "data/answer_file.h"

#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <unordered_map>

#include "base/error.h"
#include "data/answer_line.h"
#include "data/record_checks.h"

namespace reaugkd::data {
namespace {

namespace fs = std::filesystem;
using base::DataError;
using base::ExampleId;

constexpr float kNoAnswer = std::numeric_limits<float>::quiet_NaN();

/// The id of 16 hex digits, ':' and a row.
std::optional<ExampleId> parse_id(const std::string& text) {
  constexpr std::size_t kDigits = 16;
  if (text.size() < kDigits + 2 || text[kDigits] != ':') return std::nullopt;
  ExampleId id;
  const char* const colon = text.data() + kDigits;
  const auto file = std::from_chars(text.data(), colon, id.file, 16);
  const char* const end = text.data() + text.size();
  const auto row = std::from_chars(colon + 1, end, id.row);
  const bool good = file.ec == std::errc() && file.ptr == colon && row.ec == std::errc() &&
                    row.ptr == end && id.row >= 0;
  return good ? std::optional(id) : std::nullopt;
}

void check_row(const AnsweredFile& file, std::int64_t row, const std::string& where) {
  if (row >= 0 && row < file.rows) return;
  throw DataError("{}: answers for row {}, {} has the rows 0 to {}", where, row, file.path.string(),
                  file.rows - 1);
}

class AnswerFileReader {
 public:
  AnswerFileReader(const fs::path& path, const Task& task, const std::vector<AnsweredFile>& files)
      : path_(path), task_(task), files_(files), file_(path, std::ios::binary) {
    if (!file_ || !fs::is_regular_file(path)) {
      throw base::IoError("{}: cannot be read, or is not a regular file", path.string());
    }
  }

  AnswerFile read() {
    std::string line;
    while (std::getline(file_, line)) {
      ++number_;
      if (number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
      if (line.find_first_not_of(" \t\r") != line.npos) add(line);
    }
    if (file_.bad()) throw base::IoError("{}: cannot be read", path_.string());
    if (answers_.ids.empty()) {
      throw DataError("{}: expected a line for each row, found none", path_.string());
    }
    return std::move(answers_);
  }

 private:
  void add(const std::string& line) {
    const std::string where = fmt::format("{}:{}", path_.string(), number_);
    const auto answer = parse_answer_line(line, task_, where);
    const auto id = answer.row ? answered_row(*answer.row, files_, where)
                               : answered_row(answer.id, files_, where);
    const auto [known, added] = line_of_.emplace(id, number_);
    if (!added) {
      throw DataError("{}: answers for row {}, as line {} does already: delete one of them", where,
                      answer.row ? std::to_string(*answer.row) : answer.id, known->second);
    }
    if (answers_.width > 0 && !answer.embedding.empty() &&
        std::ssize(answer.embedding) != answers_.width) {
      throw DataError("{}: \"embedding\" has {} numbers, those before it have {}", where,
                      answer.embedding.size(), answers_.width);
    }
    append(answer.embedding, answers_.width, answers_.embeddings, line.size());
    append(answer.logits, answers_.classes, answers_.logits, line.size());
    answers_.ids.push_back(id);
  }

  /// A row of `values`: NaN where the line has none. The first one that has says the width.
  void append(const std::vector<float>& row, std::int64_t& width, std::vector<float>& values,
              std::size_t line_size) {
    if (width == 0 && !row.empty()) {
      width = std::ssize(row);
      // As many rows as lines of this length fit into the file: else memory is taken twice as the
      // values grow. Pages that are not written take none.
      const auto lines = fs::file_size(path_) / line_size + 1;
      values.reserve((lines + lines / 16) * row.size());
      values.assign(answers_.ids.size() * row.size(), kNoAnswer);
    }
    if (row.empty()) {
      values.insert(values.end(), static_cast<std::size_t>(width), kNoAnswer);
    } else {
      values.insert(values.end(), row.begin(), row.end());
    }
  }

  const fs::path& path_;
  const Task& task_;
  const std::vector<AnsweredFile>& files_;
  std::ifstream file_;
  std::int64_t number_ = 0;  // of the line, from 1
  std::unordered_map<ExampleId, std::int64_t, base::ExampleIdHash> line_of_;
  AnswerFile answers_;
};

}  // namespace

AnsweredFile answered_file(const Dataset& whole) {
  return {whole.path, base::example_file(whole.sha256), whole.size() + whole.skipped};
}

ExampleId answered_row(const std::string& text, const std::vector<AnsweredFile>& files,
                       const std::string& where) {
  const auto id = parse_id(text);
  if (!id) {
    throw DataError(
        "{}: the id is \"{}\", expected 16 hex digits of the file's sha256, ':' and a row, as "
        "examples.tsv has it",
        where, shown(text));
  }
  for (const auto& file : files) {
    if (file.id != id->file) continue;
    check_row(file, id->row, where);
    return *id;
  }
  std::vector<std::string> known;
  for (const auto& file : files)
    known.push_back(fmt::format("{} is {:016x}", file.path.string(), file.id));
  throw DataError("{}: answers for {}, a row of another file: {}", where, shown(text),
                  fmt::join(known, ", "));
}

ExampleId answered_row(std::int64_t row, const std::vector<AnsweredFile>& files,
                       const std::string& where) {
  check_row(files.front(), row, where);
  return {files.front().id, row};
}

AnswerFile read_answer_file(const fs::path& path, const Task& task,
                            const std::vector<AnsweredFile>& files) {
  return AnswerFileReader(path, task, files).read();
}

}  // namespace reaugkd::data
