// How one file of a task is laid out, where that is not how the task's own files are: another
// format, other columns. The layout is no part of a task: models and knowledge bases do not depend
// on it.
#pragma once

#include <filesystem>
#include <string>

#include "data/task.h"

namespace reaugkd::data {

/// The columns that options name, or keys of JSON lines; an empty one is the task's.
struct Columns {
  std::string text, text_pair, label;

  bool any() const { return !text.empty() || !text_pair.empty() || !label.empty(); }
};

/// What a file's name says of its format (.tsv, .csv, .jsonl), else `otherwise`.
FileFormat format_of_file(const std::filesystem::path& file, FileFormat otherwise);

/// "tsv", "csv", "jsonl".
std::string_view to_string(FileFormat format);

/// The task with files of `format` that have `columns`. Named columns stay the task's where no
/// other name is given. Numbered ones are those of the task's own files: `columns` takes their
/// place as a whole, and then there is a header. Throws ConfigError where the task has one text a
/// row and two are named, or the other way round, and where columns that have numbers would be read
/// from another format.
Task laid_out(Task task, FileFormat format, const Columns& columns);

}  // namespace reaugkd::data
