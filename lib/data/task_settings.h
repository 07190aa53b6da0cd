// What travels from stage to stage: the task, its class order and the maximum length, written into
// config.json and kb.json as "reaugkd".
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "data/dataset.h"
#include "data/split.h"
#include "data/task.h"

namespace reaugkd::data {

struct TaskSettings {
  Task task;
  std::int64_t max_seq_length = 128;

  base::Json to_json() const;
  /// Throws ArtifactError naming `where`.
  static TaskSettings from_json(const base::Json& json, const std::string& where);
};

/// What differs between the tasks that two models or knowledge bases were made for, in a line:
/// name, kind, classes and their order, maximum length. Empty where nothing does. How their files
/// were laid out is no part of it.
std::string difference(const TaskSettings& one, const TaskSettings& other);

/// What differs between two lists of classes, in a line; empty where they are the same.
std::string difference(const std::vector<std::string>& one, const std::vector<std::string>& other);

/// The rows of a task as a stage works on them.
struct TaskData {
  TaskSettings settings;
  TrainSplit split;
  Dataset train;                        // the rows that are trained on
  Dataset validation;                   // the holdout, or dev
  std::int64_t rows_in_train_file = 0;  // those of neither part, and skipped ones, too
};

}  // namespace reaugkd::data
