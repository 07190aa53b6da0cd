#include "data/task_settings.h"

#include <algorithm>

#include "base/error.h"
#include "base/names.h"
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

std::string difference(const std::vector<std::string>& one, const std::vector<std::string>& other) {
  if (one == other) return "";
  const auto quoted = [](const std::string& name) { return "\"" + base::shortened(name) + "\""; };
  if (!std::is_permutation(one.begin(), one.end(), other.begin(), other.end())) {
    const auto missing = [&](const auto& names, const auto& from) {
      const auto found = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
        return std::find(from.begin(), from.end(), name) == from.end();
      });
      return found == names.end() ? std::string() : quoted(*found);
    };
    const std::string first = missing(one, other);
    const std::string second = missing(other, one);
    return fmt::format("{} classes and {}{}{}", one.size(), other.size(),
                       first.empty() ? "" : "; the second has no " + first,
                       second.empty() ? "" : "; the first has no " + second);
  }
  const auto place = std::mismatch(one.begin(), one.end(), other.begin());
  return fmt::format("class {} is {} and {}", place.first - one.begin(), quoted(*place.first),
                     quoted(*place.second));
}

std::string difference(const TaskSettings& one, const TaskSettings& other) {
  std::vector<std::string> parts;
  if (one.task.name != other.task.name) {
    parts.push_back(fmt::format("task {} and {}", one.task.name, other.task.name));
  }
  if (one.task.kind() != other.task.kind()) {
    parts.push_back(one.task.regression() ? "scores and classes" : "classes and scores");
  } else if (std::string classes = difference(one.task.labels, other.task.labels);
             !classes.empty()) {
    parts.push_back(std::move(classes));
  }
  if (one.max_seq_length != other.max_seq_length) {
    parts.push_back(
        fmt::format("max_seq_length {} and {}", one.max_seq_length, other.max_seq_length));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace reaugkd::data
