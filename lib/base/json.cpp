#include "base/json.h"

#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace reaugkd::base {
namespace {

/// get<T>() alone would cut 2.5 to 2, take true for 1, and let a large number wrap round.
template <typename T>
T whole_number(const Json& value, const std::string& key, const std::string& where) {
  const bool fits = value.is_number_unsigned()  ? std::in_range<T>(value.get<std::uint64_t>())
                    : value.is_number_integer() ? std::in_range<T>(value.get<std::int64_t>())
                                                : false;
  if (!fits) {
    throw ArtifactError("{}: the key \"{}\" holds {}, expected a whole number{}", where, key,
                        value.dump(), std::is_unsigned_v<T> ? " from 0" : "");
  }
  return value.get<T>();
}

}  // namespace

Json read_json(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  try {
    Json json = Json::parse(text);
    if (!json.is_object()) {
      throw ArtifactError("{}: found {}, expected a JSON object", path.string(), json.type_name());
    }
    return json;
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
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      return whole_number<T>(value.at(key), key, where);
    } else {
      return value.at(key).get<T>();
    }
  } catch (const nlohmann::json::exception& error) {
    throw ArtifactError("{}: the key \"{}\" holds {}: {}", where, key, value.at(key).dump(),
                        error.what());
  }
}

std::string json_text(const std::string& text) {
  return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace))
      .get<std::string>();
}

std::vector<std::string> differences(const Json& before, const Json& now) {
  std::vector<std::string> found;
  const Json old_values = before.flatten();
  const Json new_values = now.flatten();
  const auto name = [](const std::string& pointer) {  // "/inputs/a~1b" -> "inputs.a/b"
    std::string text;
    for (std::size_t i = 1; i < pointer.size(); ++i) {
      const bool escaped = pointer[i] == '~' && i + 1 < pointer.size();
      if (escaped) {
        text += pointer[++i] == '1' ? '/' : '~';
      } else {
        text += pointer[i] == '/' ? '.' : pointer[i];
      }
    }
    return text;
  };
  for (const auto& [key, value] : new_values.items()) {
    const std::string old = old_values.contains(key) ? old_values[key].dump() : "absent";
    if (old != value.dump())
      found.push_back(fmt::format("{} was {}, is {}", name(key), old, value.dump()));
  }
  for (const auto& [key, value] : old_values.items()) {
    if (!new_values.contains(key))
      found.push_back(fmt::format("{} was {}, is absent", name(key), value.dump()));
  }
  return found;
}

template Json json_at(const Json&, const std::string&, const std::string&);
template bool json_at(const Json&, const std::string&, const std::string&);
template int json_at(const Json&, const std::string&, const std::string&);
template std::int64_t json_at(const Json&, const std::string&, const std::string&);
template std::uint64_t json_at(const Json&, const std::string&, const std::string&);
template double json_at(const Json&, const std::string&, const std::string&);
template std::string json_at(const Json&, const std::string&, const std::string&);
template std::vector<std::string> json_at(const Json&, const std::string&, const std::string&);
template std::vector<std::int64_t> json_at(const Json&, const std::string&, const std::string&);

}  // namespace reaugkd::base
