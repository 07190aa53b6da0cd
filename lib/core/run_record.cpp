#include "core/run_record.h"

#include <sys/stat.h>

#include <algorithm>

#include "core/error.h"
#include "core/output_directory.h"
#include "core/sha256.h"

namespace reaugkd::core {
namespace {

/// Nothing where it is not there.
std::optional<struct stat> status_of(const std::filesystem::path& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

/// Whether this file may be another than at `time` (seconds): it, or the directory it lies in, was
/// written, moved or copied here later. False where it is gone.
bool touched_since(const std::filesystem::path& path, double time) {
  const auto file = status_of(path);
  const auto directory = status_of(std::filesystem::absolute(path).parent_path());
  return file && directory &&
         static_cast<double>(std::max(file->st_ctime, directory->st_ctime)) >= time;
}

}  // namespace

std::optional<RunRecord> run_record(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kRunFile;
  if (!std::filesystem::exists(path)) return std::nullopt;
  const Json json = read_json(path);
  const auto format = json_at<std::int64_t>(json, "format", path.string());
  if (format != kRunFormat) {
    throw ArtifactError(
        "{}: found format {}, supported is {}: use the version of reaugkd that wrote it, or run "
        "the stage again",
        path.string(), format, kRunFormat);
  }
  RunRecord record{json_at<std::string>(json, "command", path.string()),
                   json_at<Json>(json, "options", path.string()),
                   json_value(json, "inputs", Json::object(), path.string()),
                   json_value(json, "outputs", Json::object(), path.string())};
  for (const auto& [name, part] : {std::pair{"options", &record.options},
                                   {"inputs", &record.inputs},
                                   {"outputs", &record.outputs}}) {
    if (!part->is_object()) {
      throw ArtifactError("{}: \"{}\" is not an object: run the stage again", path.string(), name);
    }
  }
  return record;
}

std::vector<std::string> changed_inputs(const std::filesystem::path& directory,
                                        const RunRecord& record) {
  const Json metrics = read_json(directory / kMetricsFile);
  const double seconds = json_value(json_value(metrics, "timing", Json::object(), kMetricsFile),
                                    "total_seconds", 0.0, kMetricsFile);
  const auto finished = status_of(directory / kRunFile);
  const auto began = finished ? static_cast<double>(finished->st_mtime) - seconds : 0;
  std::vector<std::string> changed;
  for (const auto& [path, then] : record.inputs.items()) {
    if (!touched_since(path, began)) continue;
    const auto now = sha256_of_file(path);
    if (then == now) continue;
    changed.push_back(fmt::format("{} had sha256 {} and has {}", path, then.dump(), now));
  }
  return changed;
}

Json with_real_paths(const Json& json) {
  const auto real = [](const std::string& text) {
    std::error_code missing;
    const auto path = std::filesystem::canonical(text, missing);
    return missing ? text : json_text(path.string());
  };
  if (json.is_string()) return real(json.get<std::string>());
  if (!json.is_structured()) return json;
  Json result = json.is_array() ? Json::array() : Json::object();
  for (const auto& [key, value] : json.items()) {
    if (json.is_array()) {
      result.push_back(with_real_paths(value));
    } else {
      result[key.find('/') == key.npos ? key : real(key)] = with_real_paths(value);
    }
  }
  return result;
}

}  // namespace reaugkd::core
