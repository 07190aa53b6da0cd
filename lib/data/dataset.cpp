#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "data/row_reader.h"
#include "text/unicode.h"

namespace reaugkd::data {

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
  part.text_a = text_a.subset(positions);
  if (!text_b.empty()) part.text_b = text_b.subset(positions);
  for (const std::int64_t position : positions) {
    const auto i = static_cast<std::size_t>(position);
    part.labels.push_back(labels[i]);
    const auto width = static_cast<std::ptrdiff_t>(distributions.size() / text_a.size());
    const auto first = distributions.begin() + position * width;
    part.distributions.insert(part.distributions.end(), first, first + width);
    part.rows.push_back(rows[i]);
    if (!lines.empty()) part.lines.push_back(lines[i]);
    if (!ids.empty()) part.ids.push_back(ids[i]);
  }
  return part;
}

Dataset joined(const Dataset& first, const Dataset& second) {
  REAUGKD_CHECK(first.text_b.empty() == second.text_b.empty(), "data sets of two tasks");
  Dataset all = first;
  all.ids.clear();
  all.distributions.clear();
  all.lines.clear();
  for (const Dataset* part : {&first, &second}) {
    for (std::int64_t i = 0; i < part->size(); ++i) all.ids.push_back(part->id(i));
  }
  const auto append = [](auto& values, const auto& more) {
    values.insert(values.end(), more.begin(), more.end());
  };
  all.text_a.append(second.text_a);
  all.text_b.append(second.text_b);
  append(all.labels, second.labels);
  append(all.rows, second.rows);
  return all;
}

namespace {

Dataset read(const std::filesystem::path& path, const Task& task, const FileLayout& layout,
             BadRows bad_rows, LabelSet label_set, std::vector<std::string>& labels) {
  Dataset dataset;
  dataset.path = path;
  FilePieces file(path, task.format);
  if (file.size() == 0) {
    throw base::DataError("{}: no data rows were found, the file is empty", path.string());
  }
  RowReader(file, task, layout, bad_rows, label_set, labels, dataset).read();
  dataset.sha256 = file.sha256();
  return dataset;
}

}  // namespace

Dataset read_dataset(const std::filesystem::path& path, const Task& task, const FileLayout& layout,
                     BadRows bad_rows) {
  std::vector<std::string> none;
  return read(path, task, layout, bad_rows, LabelSet::kTask, none);
}

Dataset read_dataset(const std::filesystem::path& path, const Task& task, const FileLayout& layout,
                     BadRows bad_rows, std::vector<std::string>& new_labels) {
  return read(path, task, layout, bad_rows, LabelSet::kMayGrow, new_labels);
}

Dataset read_any_labels(const std::filesystem::path& path, const Task& task,
                        const FileLayout& layout, BadRows bad_rows,
                        std::vector<std::string>& labels) {
  return read(path, task, layout, bad_rows, LabelSet::kUnknownYet, labels);
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

std::string normalised_text(std::string_view text) {
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
