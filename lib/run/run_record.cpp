#include "run/run_record.h"

#include "base/error.h"
#include "base/options.h"
#include "base/sha256.h"
#include "run/output_directory.h"

namespace reaugkd::run {

std::optional<RunRecord> run_record(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kRunFile;
  if (!std::filesystem::exists(path)) return std::nullopt;
  const base::Json json = base::read_json(path);
  const auto format = base::json_at<std::int64_t>(json, "format", path.string());
  if (format != base::kRunFormat) {
    throw base::ArtifactError(
        "{}: found format {}, supported is {}: use the version of reaugkd that wrote it, or run "
        "the stage again",
        path.string(), format, base::kRunFormat);
  }
  RunRecord record{base::json_at<std::string>(json, "command", path.string()),
                   base::json_at<base::Json>(json, "options", path.string()),
                   base::json_value(json, "inputs", base::Json::object(), path.string()),
                   base::json_value(json, "outputs", base::Json::object(), path.string())};
  for (const auto& [name, part] : {std::pair{"options", &record.options},
                                   {"inputs", &record.inputs},
                                   {"outputs", &record.outputs}}) {
    if (!part->is_object()) {
      throw base::ArtifactError("{}: \"{}\" is not an object: run the stage again", path.string(),
                                name);
    }
  }
  return record;
}

std::vector<std::string> changed_inputs(const base::Json& inputs) {
  std::vector<std::string> changed;
  for (const auto& [path, then] : inputs.items()) {
    if (!std::filesystem::exists(path)) continue;
    const auto now = base::sha256_of_file(path);
    if (then == now) continue;
    changed.push_back(fmt::format("{} had sha256 {} and has {}", path, then.dump(), now));
  }
  return changed;
}

base::Json with_real_paths(const base::Json& json) {
  const auto real = [](const std::string& text) {
    std::error_code missing;
    const auto path = std::filesystem::canonical(text, missing);
    return missing ? text : base::json_text(path.string());
  };
  if (json.is_string()) return real(json.get<std::string>());
  if (!json.is_structured()) return json;
  base::Json result = json.is_array() ? base::Json::array() : base::Json::object();
  for (const auto& [key, value] : json.items()) {
    if (json.is_array()) {
      result.push_back(with_real_paths(value));
    } else {
      result[key.find('/') == key.npos ? key : real(key)] = with_real_paths(value);
    }
  }
  return result;
}

}  // namespace reaugkd::run
