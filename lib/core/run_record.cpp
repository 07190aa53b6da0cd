#include "core/run_record.h"

#include "core/error.h"
#include "core/output_directory.h"

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
                   json_value(json, "outputs", Json::object(), path.string())};
  for (const Json* part : {&record.options, &record.outputs}) {
    if (!part->is_object()) {
      throw ArtifactError("{}: \"{}\" is not an object: run the stage again", path.string(),
                          part == &record.options ? "options" : "outputs");
    }
  }
  return record;
}

}  // namespace reaugkd::core
