// A teacher's answers as JSON lines: an embedding and a prediction for each row of a task's files,
// in any order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/example_id.h"
#include "data/dataset.h"

namespace reaugkd::data {

/// A file of the task whose rows may be answered.
struct AnsweredFile {
  std::filesystem::path path;
  std::uint64_t id = 0;   // the file part of its rows' ids
  std::int64_t rows = 0;  // data rows, those that were skipped too
};

AnsweredFile answered_file(const Dataset& whole);

/// The id that `text` spells: of a row of one of `files`. Throws DataError naming `where` where it
/// spells none, or one of another file or of a row that the file does not have.
base::ExampleId answered_row(const std::string& text, const std::vector<AnsweredFile>& files,
                             const std::string& where);
/// The same of a row number of the first of `files`.
base::ExampleId answered_row(std::int64_t row, const std::vector<AnsweredFile>& files,
                             const std::string& where);

struct AnswerFile {
  std::vector<base::ExampleId> ids;  // n, no id twice
  std::int64_t width = 0;            // d; 0: no line has an embedding
  std::int64_t classes = 0;          // C; 0: no line has logits
  std::vector<float> embeddings;     // (n, d) row by row; a row of NaN where the line has none
  std::vector<float> logits;         // (n, C) likewise
};

/// Throws IoError, or DataError naming file and line: as parse_answer_line, and on a row that the
/// data does not have or that has been answered, on another width of the embedding, where there is
/// no line at all. Empty lines are passed over.
AnswerFile read_answer_file(const std::filesystem::path& path, const Task& task,
                            const std::vector<AnsweredFile>& files);

}  // namespace reaugkd::data
