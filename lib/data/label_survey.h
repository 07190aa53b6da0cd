// A task without a description: its classes are the labels of its training file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/columns.h"
#include "data/dataset.h"

namespace reaugkd::data {

/// What labels are: names of classes, or scores to predict (regression). kAuto: classes; labels
/// that look like scores are an error that asks.
enum class LabelKind { kAuto, kClasses, kScores };

/// "auto", "classes", "scores". Throws ConfigError on another.
LabelKind parse_label_kind(const std::string& name);

/// The labels of a file and how often each occurs, in class order: by number where all are whole
/// numbers, else by bytes.
struct LabelSurvey {
  std::vector<std::string> labels;
  std::vector<std::int64_t> counts;
  std::int64_t rows = 0;  // with a label
};

LabelSurvey survey_labels(const std::filesystem::path& train_file, const Columns& columns,
                          BadRows bad_rows);

/// The description of a task named `name`, as a task file has it (custom_task.h), from its training
/// file and the columns there. Which labels were found is logged. Throws ConfigError where a column
/// is not given or the labels do not fit `kind`, DataError as read_dataset does.
base::Json describe_task(const std::string& name, const std::filesystem::path& train_file,
                         const Columns& columns, LabelKind kind, BadRows bad_rows);

}  // namespace reaugkd::data
