// One file of a task: texts, labels and the identity of every row. Read once per stage. Texts may
// be more than fits in memory: see base/blocks.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/example_id.h"
#include "base/text_column.h"
#include "data/task.h"

namespace reaugkd::data {

struct Dataset {
  std::filesystem::path path;
  std::string sha256;  // of the file's bytes
  base::TextColumn text_a;
  base::TextColumn text_b;           // empty for single-sentence tasks
  std::vector<float> labels;         // class index or score; NaN where the row has none
  std::vector<float> distributions;  // (n, C) row by row where the layout names their columns
  std::vector<std::int64_t> rows;    // 0-based data row in the file (the header does not count)
  std::vector<std::int64_t> lines;   // on which each row begins, from 1; empty: of no one file
  std::vector<base::ExampleId> ids;  // of rows that come from several files; else empty
  std::int64_t skipped = 0;          // of the file's rows, by BadRows::kSkip

  std::int64_t size() const { return static_cast<std::int64_t>(text_a.size()); }
  bool labelled(std::int64_t i) const;
  bool fully_labelled() const;
  /// First 16 hex digits of the file's sha256, ':', the data row: the same in every stage. Of rows
  /// from several files what `ids` says.
  base::ExampleId id(std::int64_t i) const;
  /// The rows at these positions, in this order.
  Dataset subset(const std::vector<std::int64_t>& positions) const;
};

/// The rows of one data set and behind them those of another of the same task, each with its id.
/// It has the first one's path.
Dataset joined(const Dataset& first, const Dataset& second);

enum class BadRows { kRefuse, kSkip };

/// Reads one file of `task`, whose format is the task's: TSV in GLUE's layout (fields split by one
/// tab, no quoting), CSV or JSON lines; LF or CRLF, an optional byte order mark; an empty last line
/// is ignored. Throws IoError where the file is missing and DataError that names file and line on:
/// another number of fields than the header has (without one, the first line), fields that are all
/// empty, an unknown label, a score that is no number, a text that is not valid UTF-8, no data rows
/// at all, a header that lacks a column or has it twice, a header where none is expected, a first
/// line that is a labelled row where a header is expected (it would be lost silently). With kSkip
/// rows that cannot be read are left out and logged; the others keep their numbers. An empty label
/// field, or a layout without a label column, gives an unlabelled row. Where the layout names
/// columns of distributions every row must have one: finite, not negative, a sum of 1 to 1e-3 (it
/// is then made exact); for regression a finite score.
Dataset read_dataset(const std::filesystem::path& path, const Task& task, const FileLayout& layout,
                     BadRows bad_rows = BadRows::kRefuse);

/// The same of a classification task whose classes are not all known: a label that is not the
/// task's is added to `new_labels`, as class C + its place there. Throws DataError also on a label
/// that has a tab or the end of a line.
Dataset read_dataset(const std::filesystem::path& path, const Task& task, const FileLayout& layout,
                     BadRows bad_rows, std::vector<std::string>& new_labels);

/// The same of a file whose labels are not known yet: all go to `labels`, in the order in which
/// they come, and a row's label is its place there. Texts are checked and not kept: they are empty.
Dataset read_any_labels(const std::filesystem::path& path, const Task& task,
                        const FileLayout& layout, BadRows bad_rows,
                        std::vector<std::string>& labels);

/// Positions of the first `limit` rows after a shuffle seeded with `seed`, in file order again; all
/// rows where limit is 0 or not smaller than n. (--max-train-examples)
std::vector<std::int64_t> sample_rows(std::int64_t n, std::int64_t limit, std::uint64_t seed);

/// Lower-cased (per code point) with white space folded to single spaces and trimmed: two texts
/// count as the same text when this is equal. Also behind --exclude-same-text.
std::string normalised_text(std::string_view text);

}  // namespace reaugkd::data
