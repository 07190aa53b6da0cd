// A task of one's own, described by a small JSON file (docs/reference/files.md). It becomes a Task
// like GLUE's; the description travels with the models that are made for it.
#pragma once

#include <filesystem>

#include "base/json.h"
#include "data/task.h"

namespace reaugkd::data {

/// The task that `description` describes. Throws ConfigError naming `where` and the key: unknown or
/// missing keys, wrong types, a name of GLUE's, labels twice, metrics that do not fit.
Task custom_task(const base::Json& description, const std::string& where);

/// `name`: one of GLUE's, or the path of a description (it ends in ".json").
Task task_of(const std::string& name);

}  // namespace reaugkd::data
