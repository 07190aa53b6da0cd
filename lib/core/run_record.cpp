#include "core/run_record.h"

#include "core/error.h"
#include "core/output_directory.h"
#include "core/sha256.h"

namespace reaugkd::core {

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

std::vector<std::string> changed_inputs(const Json& inputs) {
  std::vector<std::string> changed;
  for (const auto& [path, then] : inputs.items()) {
    if (!std::filesystem::exists(path)) continue;
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
