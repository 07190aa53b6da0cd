#include "data/json_line.h"

#include <set>
#include <vector>

#include "base/error.h"
#include "base/names.h"
#include "data/record_checks.h"

namespace reaugkd::data {
namespace {

using base::Json;

/// What a line holds that is no object.
std::string why_not(std::string_view line) {
  if (line.empty()) return ", found an empty one";
  try {
    return std::string(", found ") + Json::parse(line).type_name();
  } catch (const Json::exception& error) {
    const std::string_view what = error.what();  // "[json.exception...] parse error at line 1, ..."
    return ": " + base::json_text(std::string(what.substr(what.find("] ") + 2)));
  }
}

}  // namespace

Json parse_json_line(std::string_view line, const std::string& where) {
  std::set<std::string> seen;
  std::string twice;
  const auto note_keys = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth == 1 && event == Json::parse_event_t::key &&
        !seen.insert(value.get<std::string>()).second) {
      twice = value.get<std::string>();
    }
    return true;
  };
  auto object = Json::parse(line, note_keys, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    throw base::DataError("{}: expected a JSON object a line{}", where, why_not(line));
  }
  if (!twice.empty()) {
    throw base::DataError("{}: has the key \"{}\" twice, expected it once: remove one", where,
                          shown(twice));
  }
  return object;
}

bool json_lacks(const Json& object, const std::string& key) {
  return !object.contains(key) || object[key].is_null();
}

std::string json_text_at(const Json& object, const std::string& key, const std::string& where) {
  if (json_lacks(object, key)) {
    std::vector<std::string> names;
    for (const auto& entry : object.items()) names.push_back(shown(entry.key()));
    throw base::DataError("{}: has no \"{}\", found {}{}", where, key,
                          names.empty() ? "no key at all" : base::few_names(names),
                          base::did_you_mean(key, names));
  }
  const auto& value = object[key];
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  throw base::DataError("{}: \"{}\" is {}, expected a text or a number", where, key,
                        value.type_name());
}

}  // namespace reaugkd::data
