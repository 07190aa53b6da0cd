#include "data/dataset.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "core/example_id.h"
#include "core/file.h"
#include "core/random.h"
#include "core/sha256.h"
#include "text/unicode.h"

namespace reaugkd::data {
namespace {

constexpr float kUnlabelled = std::numeric_limits<float>::quiet_NaN();
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kShownCharacters = 60;  // of a field in a message

using Fields = std::vector<std::string_view>;

/// The lines of a file without their ends, and where they stand in it.
class Lines {
 public:
  explicit Lines(std::string_view bytes) : rest_(bytes) {
    if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  }
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() && rest_.empty()) return false;
    ++number_;
    return true;
  }
  std::int64_t number() const { return number_; }  // of the last line given, from 1

 private:
  std::string_view rest_;
  std::int64_t number_ = 0;
};

void split_fields(std::string_view line, Fields& fields) {
  fields.clear();
  for (std::size_t begin = 0;;) {
    const std::size_t tab = line.find('\t', begin);
    fields.push_back(line.substr(begin, tab - begin));
    if (tab == std::string_view::npos) return;
    begin = tab + 1;
  }
}

/// A field as a message shows it: valid UTF-8, not too long.
std::string shown(std::string_view field) {
  std::string result;
  std::size_t position = 0;
  for (std::size_t i = 0; i < kShownCharacters && position < field.size(); ++i) {
    text::append_utf8(text::next_code_point(field, position), result);
  }
  return position < field.size() ? result + "..." : result;
}

/// The class or score that `field` spells; none where it spells none.
std::optional<float> parse_label(std::string_view field, const Task& task) {
  if (!task.regression()) {
    const auto place = std::find(task.labels.begin(), task.labels.end(), field);
    if (place == task.labels.end()) return std::nullopt;
    return static_cast<float>(place - task.labels.begin());
  }
  float score = 0;
  const char* end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, score);
  if (error != std::errc() || stop != end || !std::isfinite(score)) return std::nullopt;
  return score;
}

/// Reads one file: what every line's check needs to know.
class Reader {
 public:
  Reader(std::string_view bytes, const Task& task, const FileLayout& layout, Dataset& dataset)
      : lines_(bytes), task_(task), layout_(layout), dataset_(dataset) {}

  void read() {
    std::string_view line;
    if (layout_.header && lines_.next(line)) check_header(line);
    while (lines_.next(line)) add_row(line);
    if (dataset_.size() == 0) {
      throw core::DataError("{}: no data rows were found{}: expected a {} file with at least one",
                            dataset_.path.string(), layout_.header ? " after the header" : "",
                            task_.name);
    }
  }

 private:
  std::string where() const {
    return fmt::format("{}:{}", dataset_.path.string(), lines_.number());
  }

  std::string_view field(int column) const { return fields_[static_cast<std::size_t>(column)]; }

  void split_line(std::string_view line) {
    split_fields(line, fields_);
    const auto wanted =
        static_cast<std::size_t>(std::max({layout_.text_a, layout_.text_b, layout_.label})) + 1;
    if (fields_.size() >= wanted) return;
    const std::string here = where();
    const std::size_t got = fields_.size();
    throw core::DataError(
        "{}: expected at least {} columns, got {}: check that this is a {} file of task {} with "
        "one tab between columns, and mend or delete the line ({} more are as short)",
        here, wanted, got, layout_.label >= 0 ? "labelled" : "test", task_.name,
        count_short_lines(wanted));
  }

  /// Among the lines not yet read: someone who mends a file wants to know them all at once.
  std::int64_t count_short_lines(std::size_t wanted) {
    std::int64_t count = 0;
    for (std::string_view line; lines_.next(line);) {
      split_fields(line, fields_);
      count += fields_.size() < wanted ? 1 : 0;
    }
    return count;
  }

  void check_header(std::string_view line) {
    split_line(line);
    if (layout_.label < 0 || !parse_label(field(layout_.label), task_)) return;
    throw core::DataError(
        "{}: expected a header, got a row with the label \"{}\": put a header line before it, "
        "otherwise the row would be lost",
        where(), shown(field(layout_.label)));
  }

  std::string read_text(int column) const {
    const std::string_view value = field(column);
    if (!text::valid_utf8(value)) {
      throw core::DataError("{}: column {} is not valid UTF-8 (\"{}\"): convert the file to UTF-8",
                            where(), column, shown(value));
    }
    return std::string(value);
  }

  float read_label() const {
    if (layout_.label < 0 || field(layout_.label).empty()) return kUnlabelled;
    const std::string_view value = field(layout_.label);
    if (const std::optional<float> parsed = parse_label(value, task_)) return *parsed;
    const std::string hint = lines_.number() == 1 ? "; is it a header? This file must have none"
                                                  : "; leave it empty for a row without a label";
    if (task_.regression()) {
      throw core::DataError("{}: column {} holds \"{}\", expected a finite number{}", where(),
                            layout_.label, shown(value), hint);
    }
    throw core::DataError("{}: unknown label \"{}\" in column {}, expected one of {}{}", where(),
                          shown(value), layout_.label, fmt::join(task_.labels, ", "), hint);
  }

  void add_row(std::string_view line) {
    split_line(line);
    dataset_.labels.push_back(read_label());
    dataset_.text_a.push_back(read_text(layout_.text_a));
    if (layout_.text_b >= 0) dataset_.text_b.push_back(read_text(layout_.text_b));
    dataset_.rows.push_back(static_cast<std::int64_t>(dataset_.rows.size()));
  }

  Lines lines_;
  const Task& task_;
  const FileLayout& layout_;
  Dataset& dataset_;
  Fields fields_;  // of the line at hand
};

}  // namespace

bool Dataset::labelled(std::int64_t i) const {
  return !std::isnan(labels[static_cast<std::size_t>(i)]);
}

bool Dataset::fully_labelled() const {
  return std::none_of(labels.begin(), labels.end(), [](float label) { return std::isnan(label); });
}

core::ExampleId Dataset::id(std::int64_t i) const {
  return {core::example_file(sha256), rows[static_cast<std::size_t>(i)]};
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
    part.rows.push_back(rows[i]);
  }
  return part;
}

Dataset read_dataset(const std::filesystem::path& path, const Task& task,
                     const FileLayout& layout) {
  const std::string bytes = core::read_file(path);
  Dataset dataset;
  dataset.path = path;
  dataset.sha256 = core::sha256(bytes);
  Reader(bytes, task, layout, dataset).read();
  return dataset;
}

std::vector<std::int64_t> sample_rows(std::int64_t n, std::int64_t limit, std::uint64_t seed) {
  REAUGKD_CHECK(n >= 0 && limit >= 0, "{} of {} rows", limit, n);
  std::vector<std::int64_t> positions(static_cast<std::size_t>(n));
  std::iota(positions.begin(), positions.end(), std::int64_t{0});
  if (limit == 0 || limit >= n) return positions;
  core::Random random(core::stream_seed(seed, "sample"));
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
