#include "data/columns.h"

#include "base/error.h"

namespace reaugkd::data {
namespace {

constexpr FileFormat kFormats[] = {FileFormat::kTsv, FileFormat::kCsv, FileFormat::kJsonl};

/// Whether a column has a number and no name.
bool numbered(const FileLayout& layout) {
  return layout.text_a_name.empty() || (layout.text_b >= 0 && layout.text_b_name.empty()) ||
         (layout.label >= 0 && layout.label_name.empty());
}

void set_columns(FileLayout& layout, const Columns& columns) {
  if (numbered(layout) && !columns.text.empty()) {
    layout.text_a = layout.text_b = layout.label = -1;
    layout.header = true;
  }
  if (!columns.text.empty()) layout.text_a_name = columns.text;
  if (!columns.text_pair.empty()) layout.text_b_name = columns.text_pair;
  if (!columns.label.empty()) layout.label_name = columns.label;
}

}  // namespace

std::string_view to_string(FileFormat format) {
  switch (format) {
    case FileFormat::kTsv:
      return "tsv";
    case FileFormat::kCsv:
      return "csv";
    case FileFormat::kJsonl:
      return "jsonl";
  }
  throw base::InternalError("unknown FileFormat {}", static_cast<int>(format));
}

FileFormat format_of_file(const std::filesystem::path& file, FileFormat otherwise) {
  const std::string suffix = file.extension().string();
  for (const FileFormat format : kFormats) {
    if (suffix == fmt::format(".{}", to_string(format))) return format;
  }
  return otherwise;
}

Task laid_out(Task task, FileFormat format, const Columns& columns) {
  const bool by_number = numbered(task.train);
  if (!columns.text_pair.empty() && !task.pair()) {
    throw base::ConfigError("`text_pair_column` {}: task {} has one text a row: leave it out",
                            columns.text_pair, task.name);
  }
  if (by_number && columns.text.empty() && (columns.any() || format != task.format)) {
    throw base::ConfigError(
        "task {} gives its columns by number, in files of {}: name those of this {} file with "
        "`text_column`{} and `label_column`",
        task.name, to_string(task.format), to_string(format),
        task.pair() ? ", `text_pair_column`" : "");
  }
  if (by_number && task.pair() && !columns.text.empty() && columns.text_pair.empty()) {
    throw base::ConfigError(
        "`text_column` {}: task {} has two texts a row: give `text_pair_column`", columns.text,
        task.name);
  }
  for (FileLayout* layout : {&task.train, &task.dev, &task.test}) {
    set_columns(*layout, columns);
    if (format != task.format) layout->header = true;
  }
  if (columns.any()) task.test.label_may_be_absent = true;
  task.format = format;
  return task;
}

}  // namespace reaugkd::data
