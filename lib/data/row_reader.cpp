#include "data/row_reader.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/names.h"
#include "data/label_value.h"

namespace reaugkd::data {
namespace {

constexpr float kUnlabelled = std::numeric_limits<float>::quiet_NaN();
constexpr double kSumTolerance = 1e-3;  // of a given distribution
constexpr std::size_t kShownRows = 5;   // of those left out

/// The names of JSON lines' keys in the order of synthetic columns, and these columns.
std::vector<RecordKey> keys_as_columns(FileLayout& layout) {
  std::vector<RecordKey> keys;
  const auto add = [&](int& column, std::string& name, bool required) {
    column = name.empty() ? -1 : static_cast<int>(keys.size());
    if (!name.empty()) keys.push_back({name, required});
    name.clear();
  };
  add(layout.text_a, layout.text_a_name, true);
  add(layout.text_b, layout.text_b_name, true);
  add(layout.label, layout.label_name, false);
  for (const auto& name : layout.distribution_names) keys.push_back({name, true});
  return keys;
}

/// A column as messages call it.
std::string called(int column, const std::string& name) {
  return name.empty() ? fmt::format("column {}", column) : fmt::format("\"{}\"", name);
}

}  // namespace

RowReader::RowReader(FilePieces& file, const Task& task, FileLayout layout, BadRows bad_rows,
                     LabelSet label_set, std::vector<std::string>& labels, Dataset& dataset)
    : file_(file),
      task_(task),
      layout_(std::move(layout)),
      names_(layout_),
      bad_rows_(bad_rows),
      label_set_(label_set),
      labels_(labels),
      dataset_(dataset) {
  for (std::size_t i = 0; i < labels_.size(); ++i) place_.emplace(labels_[i], i);
  if (task.format == FileFormat::kJsonl) {
    keys_ = keys_as_columns(layout_);
    layout_.header = false;
  }
  const std::size_t count = layout_.distribution_names.size();
  for (std::size_t i = 0; i < count; ++i) {  // of jsonl: the last keys
    distribution_.push_back(static_cast<int>(keys_.size() - count + i));
  }
}

void RowReader::read() {
  if (layout_.header && next_record()) read_header();
  if (!layout_.header && !distribution_.empty() && task_.format != FileFormat::kJsonl) {
    throw base::DataError("{}: has no header that would name the columns {}: add one",
                          dataset_.path.string(), base::few_names(layout_.distribution_names));
  }
  for (std::int64_t row = 0; next_row(row); ++row) {
  }
  if (dataset_.size() == 0 && dataset_.skipped > 0) {
    throw base::DataError("{}: all {} rows are bad, none is left; the first: {}",
                          dataset_.path.string(), dataset_.skipped, skipped_.front());
  }
  if (dataset_.size() == 0) {
    throw base::DataError("{}: no data rows were found{}: expected at least one",
                          dataset_.path.string(), layout_.header ? " after the header" : "");
  }
  report_skipped();
}

/// The fields of the next record; false at the end.
bool RowReader::next_record() {
  while (!records_ || !records_->next(fields_)) {
    std::string_view piece;
    if (!file_.next(piece)) return false;
    records_ = make_records(task_.format, piece, keys_, dataset_.path.string(), file_.first_line());
  }
  return true;
}

/// One record; false at the end. With kSkip an error costs the row only.
bool RowReader::next_row(std::int64_t row) {
  try {
    if (!next_record()) return false;
    add_row(row);
  } catch (const BrokenFile&) {
    throw;
  } catch (const base::DataError& error) {
    if (bad_rows_ == BadRows::kRefuse) {
      throw base::DataError("{}; `skip_bad_rows` leaves such rows out", error.what());
    }
    ++dataset_.skipped;
    if (skipped_.size() < kShownRows) skipped_.emplace_back(error.what());
  }
  return true;
}

void RowReader::report_skipped() const {
  if (skipped_.empty() || label_set_ == LabelSet::kUnknownYet) return;  // it is read again
  spdlog::warn("{}: {} bad rows are left out:", dataset_.path.string(), dataset_.skipped);
  for (const auto& reason : skipped_) spdlog::warn("  {}", reason);
  const auto shown_rows = static_cast<std::int64_t>(skipped_.size());
  if (dataset_.skipped > shown_rows) spdlog::warn("  and {} more", dataset_.skipped - shown_rows);
}

std::string RowReader::where() const {
  return fmt::format("{}:{}", dataset_.path.string(), records_->line());
}

std::string_view RowReader::field(int column) const {
  return fields_[static_cast<std::size_t>(column)];
}

void RowReader::read_header() {
  std::vector<std::string> names = layout_.distribution_names;
  for (const auto& name : {layout_.text_a_name, layout_.text_b_name, layout_.label_name}) {
    if (!name.empty()) names.push_back(name);
  }
  check_header_names(fields_, names, where());
  find_column("text_a", layout_.text_a_name, layout_.text_a, true);
  find_column("text_b", layout_.text_b_name, layout_.text_b, true);
  find_column("label", layout_.label_name, layout_.label,
              !layout_.label_may_be_absent && distribution_.empty());
  for (std::size_t i = 0; i < distribution_.size(); ++i) {
    find_column("given distribution", layout_.distribution_names[i], distribution_[i], true);
  }
  check_width();
  check_header();
}

/// A named column's number. Where it may be absent it is -1: the rows then have no labels.
void RowReader::find_column(const char* what, const std::string& name, int& column,
                            bool required) const {
  if (name.empty()) return;
  const auto found = std::find(fields_.begin(), fields_.end(), name);
  column = found == fields_.end() ? -1 : static_cast<int>(found - fields_.begin());
  if (column >= 0 || !required) return;
  std::vector<std::string> columns;
  for (const auto each : fields_) columns.push_back(shown(each));
  if (columns.size() == 1) {
    throw base::DataError(
        "{}: the header has no column \"{}\" ({}), found {} alone, expected columns with one {} "
        "between them",
        where(), name, what, columns.front(), task_.format == FileFormat::kTsv ? "tab" : "comma");
  }
  throw base::DataError("{}: the header has no column \"{}\" ({}), found {}{}", where(), name, what,
                        base::few_names(columns), base::did_you_mean(name, columns));
}

void RowReader::check_header() const {
  if (!has_label_column() || !layout_.label_name.empty() ||
      !parse_label(field(layout_.label), task_)) {
    return;
  }
  throw base::DataError(
      "{}: expected a header, got a row with the label \"{}\": put a header line before it, "
      "otherwise the row would be lost",
      where(), shown(field(layout_.label)));
}

/// The first record of a file must have the columns of the layout, each later one as many fields as
/// the first.
void RowReader::check_width() {
  if (task_.format == FileFormat::kJsonl) return;
  if (width_ > 0) {
    try {
      check_field_count(fields_.size(), width_, where(), task_.format,
                        layout_.header ? kHeader : kFirstLine);
    } catch (const base::DataError& error) {
      if (bad_rows_ == BadRows::kSkip) throw;
      throw base::DataError("{}{}", error.what(), count_odd_records());
    }
    return;
  }
  int last = std::max(layout_.text_a, layout_.text_b);
  const bool may_be_short = layout_.label_may_be_absent && layout_.label_name.empty();
  if (!may_be_short) last = std::max(last, layout_.label);
  for (const int column : distribution_) last = std::max(last, column);
  width_ = fields_.size();
  if (std::cmp_less(last, width_)) return;
  throw BrokenFile(
      "{}: expected at least {} columns, got {}: check that this is a {} file of task "
      "{} with one {} between columns",
      where(), last + 1, width_, layout_.label >= 0 ? "labelled" : "test", task_.name,
      task_.format == FileFormat::kTsv ? "tab" : "comma");
}

/// Among those not yet read: someone who mends a file wants to know them all at once.
std::string RowReader::count_odd_records() {
  std::int64_t count = 0;
  try {
    while (next_record()) count += fields_.size() != width_ ? 1 : 0;
  } catch (const base::DataError&) {  // what is wrong there is told when this line is mended
  }
  return count == 0 ? "" : fmt::format(" ({} more have another number)", count);
}

void RowReader::add_row(std::int64_t row) {
  check_not_blank(fields_, where(), task_.format);
  check_width();
  const float label = read_label();
  const std::vector<float> distribution = read_distribution();
  const bool is_kept = label_set_ != LabelSet::kUnknownYet;  // that is read for its labels
  const std::string_view text_a = checked_text(layout_.text_a, names_.text_a_name);
  if (layout_.text_b >= 0) {
    const std::string_view text_b = checked_text(layout_.text_b, names_.text_b_name);
    dataset_.text_b.push_back(is_kept ? text_b : std::string_view());
  }
  dataset_.text_a.push_back(is_kept ? text_a : std::string_view());
  dataset_.labels.push_back(label);
  dataset_.distributions.insert(dataset_.distributions.end(), distribution.begin(),
                                distribution.end());
  dataset_.rows.push_back(row);
  dataset_.lines.push_back(records_->line());
}

std::string_view RowReader::checked_text(int column, const std::string& name) const {
  const std::string_view value = field(column);
  check_text(value, called(column, name), where());
  return value;
}

/// Of a column that has a number and may be absent: whether the record goes so far.
bool RowReader::has_label_column() const {
  return layout_.label >= 0 && static_cast<std::size_t>(layout_.label) < fields_.size();
}

float RowReader::read_label() {
  if (!has_label_column() || field(layout_.label).empty()) return kUnlabelled;
  const std::string_view value = field(layout_.label);
  if (label_set_ == LabelSet::kUnknownYet) return class_of(value);
  if (const std::optional<float> parsed = parse_label(value, task_)) return *parsed;
  if (label_set_ == LabelSet::kTask || task_.regression()) refuse_label(value);
  return static_cast<float>(task_.num_labels()) + class_of(value);
}

/// The place of a label among `labels_`, behind which it is put where it is new.
float RowReader::class_of(std::string_view label) {
  auto place = place_.find(label);
  if (place == place_.end()) {
    check_class_name(label, where());
    place = place_.emplace(label, labels_.size()).first;
    labels_.emplace_back(label);
  }
  return static_cast<float>(place->second);
}

void RowReader::refuse_label(std::string_view label) {
  const std::string hint = records_->line() == 1 ? "is it a header? This file must have none"
                                                 : "leave it empty for a row without a label";
  const std::string column = called(names_.label, names_.label_name);
  if (task_.regression()) {
    throw base::DataError("{}: {} holds \"{}\", expected a finite number; {}", where(), column,
                          shown(label), hint);
  }
  auto nearest = nearest_.find(label);
  if (nearest == nearest_.end()) {
    const std::string name = base::nearest_name(shown(label), task_.labels);
    nearest = nearest_.emplace(label, base::shortened(name)).first;
  }
  throw base::DataError(
      "{}: unknown label \"{}\" in {}: did you mean \"{}\"? Task {} has {} labels; {}", where(),
      shown(label), column, nearest->second, task_.name, task_.labels.size(), hint);
}

/// The given distribution (C), or score (1); empty where none is asked for.
std::vector<float> RowReader::read_distribution() const {
  std::vector<float> values;
  double sum = 0;
  for (std::size_t i = 0; i < distribution_.size(); ++i) {
    const std::string_view value = field(distribution_[i]);
    const std::optional<float> number = parse_number(value);
    if (!number || (!task_.regression() && *number < 0)) {
      throw base::DataError("{}: {} is \"{}\", expected {}", where(), layout_.distribution_names[i],
                            shown(value), task_.regression() ? "a finite number" : "a probability");
    }
    values.push_back(*number);
    sum += *number;
  }
  if (values.empty() || task_.regression()) return values;
  if (std::abs(sum - 1) > kSumTolerance) {
    throw base::DataError("{}: {} sum to {:.6g}, expected 1 (to {})", where(),
                          base::few_names(layout_.distribution_names), sum, kSumTolerance);
  }
  for (float& value : values) value = static_cast<float>(value / sum);
  return values;
}

}  // namespace reaugkd::data
