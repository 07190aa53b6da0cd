// The files of --data: which there are, and how each is laid out: as the task says, or its name, or
// options.
#pragma once

#include <filesystem>
#include <optional>

#include "data/task.h"
#include "stages/task_inputs.h"

namespace reaugkd::stages {

/// The file of a split: what --train-file (and so on) names, else the task's own, else the one of
/// the same name with another suffix. Empty where there is none. Throws ConfigError where there are
/// several.
std::optional<std::filesystem::path> find_split_file(const DataOptions& options,
                                                     const data::Task& task, data::Split split);

/// The training file of --data where no task says its name. Throws IoError where there is none,
/// ConfigError where there are several or --data is a file.
std::filesystem::path find_train_file(const DataOptions& options);

/// The task as this file has it: the format is that of its name, unless the task names the file;
/// columns are those of options, else the task's. Throws ConfigError as data::laid_out does.
data::Task task_of_file(const DataOptions& options, const data::Task& task,
                        const std::filesystem::path& file);

}  // namespace reaugkd::stages
