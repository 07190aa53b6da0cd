#include "data/dataset.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/example_id.h"
#include "base/file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "data/records.h"
#include "text/unicode.h"

namespace reaugkd::data {
namespace {

constexpr float kUnlabelled = std::numeric_limits<float>::quiet_NaN();
constexpr double kSumTolerance = 1e-3;        // of a given distribution
constexpr std::size_t kShownCharacters = 60;  // of a field in a message
constexpr std::size_t kShownRows = 5;         // of those left out

/// A field as a message shows it: valid UTF-8, not too long.
std::string shown(std::string_view field) {
  std::string result;
  std::size_t position = 0;
  for (std::size_t i = 0; i < kShownCharacters && position < field.size(); ++i) {
    text::append_utf8(text::next_code_point(field, position), result);
  }
  return position < field.size() ? result + "..." : result;
}

/// The finite number that `field` spells, by way of a double, so that one too small for a float is
/// 0 and no error; none where it spells none.
std::optional<float> parse_number(std::string_view field) {
  double number = 0;
  const char* end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, number);
  const auto rounded = static_cast<float>(number);
  if (error != std::errc() || stop != end || !std::isfinite(rounded)) return std::nullopt;
  return rounded;
}

/// The class or score that `field` spells; none where it spells none.
std::optional<float> parse_label(std::string_view field, const Task& task) {
  if (!task.regression()) {
    const auto place = std::find(task.labels.begin(), task.labels.end(), field);
    if (place == task.labels.end()) return std::nullopt;
    return static_cast<float>(place - task.labels.begin());
  }
  return parse_number(field);
}

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

/// Reads one file: what every record's check needs to know.
class Reader {
 public:
  /// `new_labels` is null where the task's classes are all there are.
  Reader(std::string_view bytes, const Task& task, FileLayout layout, BadRows bad_rows,
         std::vector<std::string>* new_labels, Dataset& dataset)
      : task_(task),
        layout_(std::move(layout)),
        bad_rows_(bad_rows),
        new_labels_(task.regression() ? nullptr : new_labels),
        dataset_(dataset) {
    label_column_ = layout_.label_name.empty() ? fmt::format("column {}", layout_.label)
                                               : fmt::format("\"{}\"", layout_.label_name);
    std::vector<RecordKey> keys;
    if (task.format == FileFormat::kJsonl) keys = keys_as_columns(layout_);
    for (std::size_t i = 0; i < layout_.distribution_names.size();
         ++i) {  // of jsonl: the last keys
      distribution_.push_back(
          static_cast<int>(keys.size() - layout_.distribution_names.size() + i));
    }
    records_ = make_records(task.format, bytes, keys, dataset.path.string());
  }

  void read() {
    if (layout_.header && records_->next(fields_)) read_header();
    if (!layout_.header && !distribution_.empty() && task_.format != FileFormat::kJsonl) {
      throw base::DataError("{}: has no header that would name the columns {}: add one",
                            dataset_.path.string(), fmt::join(layout_.distribution_names, ", "));
    }
    for (std::int64_t row = 0; next_row(row); ++row) {
    }
    report_skipped();
    dataset_.skipped = static_cast<std::int64_t>(skipped_.size());
    if (dataset_.size() == 0) {
      throw base::DataError("{}: no data rows were found{}: expected a {} file with at least one",
                            dataset_.path.string(), layout_.header ? " after the header" : "",
                            task_.name);
    }
  }

 private:
  /// One record; false at the end. With --skip-bad-rows an error costs the row only.
  bool next_row(std::int64_t row) {
    if (bad_rows_ == BadRows::kRefuse) {
      if (!records_->next(fields_)) return false;
      add_row(row);
      return true;
    }
    try {
      if (!records_->next(fields_)) return false;
      add_row(row);
    } catch (const BrokenFile&) {
      throw;
    } catch (const base::DataError& error) {
      skipped_.emplace_back(error.what());
    }
    return true;
  }

  void report_skipped() const {
    if (skipped_.empty()) return;
    spdlog::warn("{}: {} bad rows are left out:", dataset_.path.string(), skipped_.size());
    for (std::size_t i = 0; i < std::min(kShownRows, skipped_.size()); ++i) {
      spdlog::warn("  {}", skipped_[i]);
    }
    if (skipped_.size() > kShownRows) spdlog::warn("  and {} more", skipped_.size() - kShownRows);
  }

  std::string where() const {
    return fmt::format("{}:{}", dataset_.path.string(), records_->line());
  }

  std::string_view field(int column) const { return fields_[static_cast<std::size_t>(column)]; }

  std::size_t wanted_columns() const {
    int last = std::max(layout_.text_a, layout_.text_b);
    const bool may_be_short = layout_.label_may_be_absent && layout_.label_name.empty();
    if (!may_be_short) last = std::max(last, layout_.label);
    for (const int column : distribution_) last = std::max(last, column);
    return static_cast<std::size_t>(last) + 1;
  }

  void check_columns() {
    if (fields_.size() >= wanted_columns()) return;
    const std::string here = where();
    const std::size_t got = fields_.size();
    const bool tsv = task_.format == FileFormat::kTsv;
    throw base::DataError(
        "{}: expected at least {} columns, got {}: check that this is a {} file of task {} with "
        "one {} between columns, and mend or delete the line{}",
        here, wanted_columns(), got, layout_.label >= 0 ? "labelled" : "test", task_.name,
        tsv ? "tab" : "comma", bad_rows_ == BadRows::kRefuse ? count_short_records() : "");
  }

  /// Among those not yet read: someone who mends a file wants to know them all at once.
  std::string count_short_records() {
    std::int64_t count = 0;
    while (records_->next(fields_)) count += fields_.size() < wanted_columns() ? 1 : 0;
    return fmt::format(" ({} more are as short)", count);
  }

  void read_header() {
    find_column("text_a", layout_.text_a_name, layout_.text_a, true);
    find_column("text_b", layout_.text_b_name, layout_.text_b, true);
    find_column("label", layout_.label_name, layout_.label,
                !layout_.label_may_be_absent && distribution_.empty());
    for (std::size_t i = 0; i < distribution_.size(); ++i) {
      find_column("given distribution", layout_.distribution_names[i], distribution_[i], true);
    }
    check_header();
  }

  /// A named column's number. Where it may be absent it is -1: the rows then have no labels.
  void find_column(const char* what, const std::string& name, int& column, bool required) const {
    if (name.empty()) return;
    const auto found = std::find(fields_.begin(), fields_.end(), name);
    if (found != fields_.end()) {
      column = static_cast<int>(found - fields_.begin());
    } else if (required) {
      throw base::DataError("{}: the header has no column \"{}\" ({}), found {}", where(), name,
                            what, shown(fmt::format("{}", fmt::join(fields_, ", "))));
    }
  }

  void check_header() {
    check_columns();
    if (!has_label_column() || !layout_.label_name.empty() ||
        !parse_label(field(layout_.label), task_))
      return;
    throw base::DataError(
        "{}: expected a header, got a row with the label \"{}\": put a header line before it, "
        "otherwise the row would be lost",
        where(), shown(field(layout_.label)));
  }

  std::string read_text(int column) const {
    const std::string_view value = field(column);
    if (!text::valid_utf8(value)) {
      throw base::DataError("{}: column {} is not valid UTF-8 (\"{}\"): convert the file to UTF-8",
                            where(), column, shown(value));
    }
    return std::string(value);
  }

  /// Of a column that has a number and may be absent: whether the record goes so far.
  bool has_label_column() const {
    return layout_.label >= 0 && static_cast<std::size_t>(layout_.label) < fields_.size();
  }

  float read_label() const {
    if (!has_label_column() || field(layout_.label).empty()) return kUnlabelled;
    const std::string_view value = field(layout_.label);
    if (const std::optional<float> parsed = parse_label(value, task_)) return *parsed;
    if (new_labels_ != nullptr) return new_class(value);
    const std::string hint = records_->line() == 1 ? "; is it a header? This file must have none"
                                                   : "; leave it empty for a row without a label";
    if (task_.regression()) {
      throw base::DataError("{}: {} holds \"{}\", expected a finite number{}", where(),
                            label_column_, shown(value), hint);
    }
    throw base::DataError("{}: unknown label \"{}\" in {}, expected one of {}{}", where(),
                          shown(value), label_column_, fmt::join(task_.labels, ", "), hint);
  }

  /// The class of a label that the task does not have.
  float new_class(std::string_view label) const {
    if (label.find_first_of("\t\r\n") != label.npos || !text::valid_utf8(label)) {
      throw base::DataError(
          "{}: the label \"{}\" has a tab, a line's end or no valid UTF-8: it cannot be a class",
          where(), shown(label));
    }
    auto place = std::find(new_labels_->begin(), new_labels_->end(), label);
    if (place == new_labels_->end()) place = new_labels_->insert(place, std::string(label));
    return static_cast<float>(task_.num_labels() + (place - new_labels_->begin()));
  }

  /// The given distribution (C), or score (1); empty where none is asked for.
  std::vector<float> read_distribution() const {
    std::vector<float> values;
    double sum = 0;
    for (std::size_t i = 0; i < distribution_.size(); ++i) {
      const std::string_view value = field(distribution_[i]);
      const std::optional<float> number = parse_number(value);
      if (!number || (!task_.regression() && *number < 0)) {
        throw base::DataError("{}: {} is \"{}\", expected {}", where(),
                              layout_.distribution_names[i], shown(value),
                              task_.regression() ? "a finite number" : "a probability");
      }
      values.push_back(*number);
      sum += *number;
    }
    if (values.empty() || task_.regression()) return values;
    if (std::abs(sum - 1) > kSumTolerance) {
      throw base::DataError("{}: {} sum to {:.6g}, expected 1 (to {})", where(),
                            fmt::join(layout_.distribution_names, ", "), sum, kSumTolerance);
    }
    for (float& value : values) value = static_cast<float>(value / sum);
    return values;
  }

  void add_row(std::int64_t row) {
    check_columns();
    const float label = read_label();
    const std::vector<float> distribution = read_distribution();
    std::string text_a = read_text(layout_.text_a);
    if (layout_.text_b >= 0) dataset_.text_b.push_back(read_text(layout_.text_b));
    dataset_.text_a.push_back(std::move(text_a));
    dataset_.labels.push_back(label);
    dataset_.distributions.insert(dataset_.distributions.end(), distribution.begin(),
                                  distribution.end());
    dataset_.rows.push_back(row);
  }

  std::string label_column_;  // as errors call it
  const Task& task_;
  FileLayout layout_;
  BadRows bad_rows_;
  std::vector<std::string>* new_labels_;
  Dataset& dataset_;
  std::unique_ptr<Records> records_;
  std::vector<int> distribution_;     // columns of the given distribution
  Fields fields_;                     // of the record at hand
  std::vector<std::string> skipped_;  // why, for each row left out
};

}  // namespace

bool Dataset::labelled(std::int64_t i) const {
  return !std::isnan(labels[static_cast<std::size_t>(i)]);
}

bool Dataset::fully_labelled() const {
  return std::none_of(labels.begin(), labels.end(), [](float label) { return std::isnan(label); });
}

base::ExampleId Dataset::id(std::int64_t i) const {
  if (!ids.empty()) return ids[static_cast<std::size_t>(i)];
  return {base::example_file(sha256), rows[static_cast<std::size_t>(i)]};
}

Dataset Dataset::subset(const std::vector<std::int64_t>& positions) const {
  Dataset part;
  part.path = path;
  part.sha256 = sha256;
  for (const std::int64_t position : positions) {
    REAUGKD_CHECK(position >= 0 && position < size(), "row {} of {}", position, size());
    const auto i = static_cast<std::size_t>(position);
    part.text_a.push_back(text_a[i]);
    if (!text_b.empty()) part.text_b.push_back(text_b[i]);
    part.labels.push_back(labels[i]);
    const auto width = static_cast<std::ptrdiff_t>(distributions.size() / text_a.size());
    const auto first = distributions.begin() + position * width;
    part.distributions.insert(part.distributions.end(), first, first + width);
    part.rows.push_back(rows[i]);
    if (!ids.empty()) part.ids.push_back(ids[i]);
  }
  return part;
}

Dataset joined(const Dataset& first, const Dataset& second) {
  REAUGKD_CHECK(first.text_b.empty() == second.text_b.empty(), "data sets of two tasks");
  Dataset all = first;
  all.ids.clear();
  all.distributions.clear();
  for (const Dataset* part : {&first, &second}) {
    for (std::int64_t i = 0; i < part->size(); ++i) all.ids.push_back(part->id(i));
  }
  const auto append = [](auto& values, const auto& more) {
    values.insert(values.end(), more.begin(), more.end());
  };
  append(all.text_a, second.text_a);
  append(all.text_b, second.text_b);
  append(all.labels, second.labels);
  append(all.rows, second.rows);
  return all;
}

namespace {

Dataset read(const std::filesystem::path& path, const Task& task, const FileLayout& layout,
             BadRows bad_rows, std::vector<std::string>* new_labels) {
  const std::string bytes = base::read_file(path);
  Dataset dataset;
  dataset.path = path;
  dataset.sha256 = base::sha256(bytes);
  if (bytes.empty()) {
    throw base::DataError("{}: no data rows were found, the file is empty", path.string());
  }
  Reader(bytes, task, layout, bad_rows, new_labels, dataset).read();
  return dataset;
}

}  // namespace

Dataset read_dataset(const std::filesystem::path& path, const Task& task, const FileLayout& layout,
                     BadRows bad_rows) {
  return read(path, task, layout, bad_rows, nullptr);
}

Dataset read_dataset(const std::filesystem::path& path, const Task& task, const FileLayout& layout,
                     BadRows bad_rows, std::vector<std::string>& new_labels) {
  return read(path, task, layout, bad_rows, &new_labels);
}

std::vector<std::int64_t> sample_rows(std::int64_t n, std::int64_t limit, std::uint64_t seed) {
  REAUGKD_CHECK(n >= 0 && limit >= 0, "{} of {} rows", limit, n);
  std::vector<std::int64_t> positions(static_cast<std::size_t>(n));
  std::iota(positions.begin(), positions.end(), std::int64_t{0});
  if (limit == 0 || limit >= n) return positions;
  base::Random random(base::stream_seed(seed, "sample"));
  random.shuffle(positions);
  positions.resize(static_cast<std::size_t>(limit));
  std::sort(positions.begin(), positions.end());
  return positions;
}

std::string normalised_text(const std::string& text) {
  std::string result;
  result.reserve(text.size());
  bool gap = false;
  for (std::size_t position = 0; position < text.size();) {
    const char32_t code_point = text::next_code_point(text, position);
    if (text::is_whitespace(code_point)) {
      gap = true;
      continue;
    }
    if (gap && !result.empty()) result.push_back(' ');
    gap = false;
    text::append_lower_case(code_point, result);
  }
  return result;
}

}  // namespace reaugkd::data
