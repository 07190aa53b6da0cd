#include "retrieval/history.h"

#include <fmt/chrono.h>

#include <chrono>

#include "base/file.h"
#include "base/json.h"

namespace reaugkd::retrieval {
namespace {

using base::Json;

Json to_json(const Change& change) {
  Json json = {{"when", change.when},
               {"action", change.action},
               {"rows", change.rows},
               {"what", change.what}};
  if (!change.sha256.empty()) json["sha256"] = change.sha256;
  if (!change.new_classes.empty()) json["new_classes"] = change.new_classes;
  return json;
}

Change change_of(const Json& json, const std::string& where) {
  return {base::json_at<std::string>(json, "when", where),
          base::json_at<std::string>(json, "action", where),
          base::json_at<std::int64_t>(json, "rows", where),
          base::json_at<std::string>(json, "what", where),
          base::json_value<std::string>(json, "sha256", "", where),
          base::json_value<std::vector<std::string>>(json, "new_classes", {}, where)};
}

}  // namespace

Change change(std::string action, std::int64_t rows, std::string what, std::string sha256,
              std::vector<std::string> new_classes) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return {fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now)),
          std::move(action),
          rows,
          std::move(what),
          std::move(sha256),
          std::move(new_classes)};
}

void save_history(const std::vector<Change>& history, const std::filesystem::path& directory) {
  Json changes = Json::array();
  for (const auto& each : history) changes.push_back(to_json(each));
  base::write_json(directory / kHistoryFile, {{"format", 1}, {"changes", changes}});
}

std::vector<Change> load_history(const std::filesystem::path& directory) {
  const auto path = directory / kHistoryFile;
  if (!std::filesystem::exists(path)) return {};
  const Json json = base::read_json(path);
  std::vector<Change> history;
  for (const auto& each : base::json_at<Json>(json, "changes", path.string())) {
    history.push_back(change_of(each, path.string() + ": changes"));
  }
  return history;
}

}  // namespace reaugkd::retrieval
