#include "core/json.h"

#include "core/error.h"
#include "core/file.h"

namespace reaugkd::core {

Json read_json(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw ArtifactError("{}: is not valid JSON: {}", path.string(), error.what());
  }
}

void write_json(const std::filesystem::path& path, const Json& value) {
  write_file(path, value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

template <typename T>
T json_at(const Json& value, const std::string& key, const std::string& where) {
  if (!value.is_object() || !value.contains(key)) {
    throw ArtifactError("{}: the key \"{}\" is missing", where, key);
  }
  try {
    return value.at(key).get<T>();
  } catch (const nlohmann::json::exception& error) {
    throw ArtifactError("{}: the key \"{}\" holds {}: {}", where, key, value.at(key).dump(),
                        error.what());
  }
}

template bool json_at(const Json&, const std::string&, const std::string&);
template int json_at(const Json&, const std::string&, const std::string&);
template std::int64_t json_at(const Json&, const std::string&, const std::string&);
template std::uint64_t json_at(const Json&, const std::string&, const std::string&);
template double json_at(const Json&, const std::string&, const std::string&);
template std::string json_at(const Json&, const std::string&, const std::string&);
template std::vector<std::string> json_at(const Json&, const std::string&, const std::string&);
template std::vector<std::int64_t> json_at(const Json&, const std::string&, const std::string&);

}  // namespace reaugkd::core
