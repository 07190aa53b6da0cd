#include "data/task_settings.h"

#include "base/error.h"
#include "data/custom_task.h"

namespace reaugkd::data {

base::Json TaskSettings::to_json() const {
  base::Json json;
  json["format"] = 1;
  json["task"] = task.name;
  json["labels"] = task.labels;
  if (!task.description.is_null()) json["task_description"] = task.description;
  json["max_seq_length"] = max_seq_length;
  return json;
}

TaskSettings TaskSettings::from_json(const base::Json& json, const std::string& where) {
  const auto format = base::json_at<std::int64_t>(json, "format", where);
  if (format != 1) {
    throw base::ArtifactError(
        "{}: \"reaugkd\" has format {}, this version reads 1; use a newer reaugkd", where, format);
  }
  TaskSettings settings;
  const auto name = base::json_at<std::string>(json, "task", where);
  const auto labels = base::json_at<std::vector<std::string>>(json, "labels", where);
  try {
    const Task task = json.contains("task_description")
                          ? custom_task(json["task_description"], where)
                          : glue_task(name);
    settings.task = with_label_order(task, labels);
  } catch (const base::ConfigError& error) {
    throw base::ArtifactError("{}: {}", where, error.what());
  }
  settings.max_seq_length = base::json_at<std::int64_t>(json, "max_seq_length", where);
  if (settings.max_seq_length < 3) {
    throw base::ArtifactError("{}: max_seq_length is {}", where, settings.max_seq_length);
  }
  return settings;
}

}  // namespace reaugkd::data
