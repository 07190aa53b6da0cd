#include "data/label_survey.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <tuple>

#include "base/error.h"
#include "base/names.h"
#include "data/label_value.h"

namespace reaugkd::data {
namespace {

constexpr std::size_t kManyLabels = 20;  // more different numbers than this may be scores

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

/// The order of classes: of the places in `labels`.
std::vector<std::size_t> class_order(const std::vector<std::string>& labels) {
  const bool numbers = std::ranges::all_of(
      labels, [](const std::string& label) { return whole_number(label).has_value(); });
  std::vector<std::size_t> order(labels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) {
    return std::tuple(numbers ? *whole_number(labels[i]) : 0, labels[i]);
  });
  return order;
}

/// Labels that only case and white space tell apart are most likely one.
void warn_of_twins(const LabelSurvey& survey, const std::string& where) {
  std::map<std::string, std::string> by_spelling;
  for (const auto& label : survey.labels) {
    const auto [known, added] = by_spelling.emplace(normalised_text(label), label);
    if (added) continue;
    spdlog::warn("{}: \"{}\" and \"{}\" are taken for two classes: mend one if they are the same",
                 where, known->second, label);
    return;
  }
}

void log_labels(const LabelSurvey& survey, const std::string& where, const std::string& column) {
  const auto [rarest, most] = std::ranges::minmax_element(survey.counts);
  const auto entry = [&](auto place) {
    return fmt::format(
        "\"{}\" ({} rows)",
        base::shortened(survey.labels[static_cast<std::size_t>(place - survey.counts.begin())]),
        *place);
  };
  spdlog::info("{}: {} labels in \"{}\", the rarest {}, the most frequent {}", where,
               survey.labels.size(), column, entry(rarest), entry(most));
  warn_of_twins(survey, where);
}

/// Asks where labels look like scores, or like another column than that of labels.
void check_classes(const LabelSurvey& survey, const std::string& where, const std::string& column) {
  const std::size_t count = survey.labels.size();
  const auto numbers = static_cast<std::size_t>(std::ranges::count_if(
      survey.labels, [](const auto& label) { return parse_number(label).has_value(); }));
  if (numbers > kManyLabels && numbers * 10 >= count * 9) {
    throw base::ConfigError(
        "{}: \"{}\" holds {} different numbers: was regression meant? Give `label_kind` scores to "
        "predict numbers, or `label_kind` classes if each is the name of a class",
        where, column, numbers);
  }
  if (count > kManyLabels && static_cast<std::int64_t>(count) * 2 > survey.rows) {
    throw base::ConfigError(
        "{}: \"{}\" holds {} different labels in {} rows: is it the column of labels? Give another "
        "`label_column`, or `label_kind` classes if it is",
        where, column, count, survey.rows);
  }
}

}  // namespace

LabelKind parse_label_kind(const std::string& name) {
  if (name == "auto") return LabelKind::kAuto;
  if (name == "classes") return LabelKind::kClasses;
  if (name == "scores") return LabelKind::kScores;
  throw base::ConfigError("`label_kind`: \"{}\" is not one of auto, classes, scores", name);
}

LabelSurvey survey_labels(const std::filesystem::path& train_file, const Columns& columns,
                          BadRows bad_rows) {
  Task task;
  task.name = "own";
  task.format = format_of_file(train_file, FileFormat::kTsv);
  task.train.text_a_name = columns.text;
  task.train.text_b_name = columns.text_pair;
  task.train.label_name = columns.label;
  std::vector<std::string> labels;
  const auto rows = read_any_labels(train_file, task, task.train, bad_rows, labels);
  std::vector<std::int64_t> counts(labels.size(), 0);
  LabelSurvey survey;
  for (const float label : rows.labels) {
    if (std::isnan(label)) continue;
    ++counts[static_cast<std::size_t>(label)];
    ++survey.rows;
  }
  for (const std::size_t place : class_order(labels)) {
    if (counts[place] == 0) continue;  // of a row that was left out
    survey.labels.push_back(labels[place]);
    survey.counts.push_back(counts[place]);
  }
  return survey;
}

base::Json describe_task(const std::string& name, const std::filesystem::path& train_file,
                         const Columns& columns, LabelKind kind, BadRows bad_rows) {
  if (columns.text.empty() || columns.label.empty()) {
    throw base::ConfigError(
        "`{}` is required where no `task` is given: the name of the column with the {}, `{}` is {}",
        columns.text.empty() ? "text_column" : "label_column",
        columns.text.empty() ? "text" : "label",
        columns.text.empty() ? "label_column" : "text_column",
        columns.text.empty() ? columns.label : columns.text);
  }
  base::Json description;
  description["name"] = name;
  description["format"] = to_string(format_of_file(train_file, FileFormat::kTsv));
  description["text_a"] = columns.text;
  if (!columns.text_pair.empty()) description["text_b"] = columns.text_pair;
  description["label"] = columns.label;
  if (kind == LabelKind::kScores) {
    description["regression"] = true;
    return description;
  }
  const auto survey = survey_labels(train_file, columns, bad_rows);
  const std::string where = train_file.string();
  if (survey.labels.size() < 2) {
    throw base::DataError(
        "{}: found {} in \"{}\", expected two or more different labels", where,
        survey.labels.empty() ? "no label" : "the label \"" + survey.labels.front() + "\" alone",
        columns.label);
  }
  if (kind == LabelKind::kAuto) check_classes(survey, where, columns.label);
  log_labels(survey, where, columns.label);
  description["labels"] = survey.labels;
  return description;
}

}  // namespace reaugkd::data
