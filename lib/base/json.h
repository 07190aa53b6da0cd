// JSON files: reading with errors that name the file, writing atomically. nlohmann's ordered_json
// keeps keys in the order we write them, so that a person can read the result.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace reaugkd::base {

using Json = nlohmann::ordered_json;

/// The object in `path`. Throws IoError if it cannot be read, ArtifactError if it is no object.
Json read_json(const std::filesystem::path& path);

/// Writes `value` with an indent of 2 and a final newline, atomically. Throws IoError.
void write_json(const std::filesystem::path& path, const Json& value);

/// value[key] as T. Throws ArtifactError naming `where`, the key and what was expected.
template <typename T>
T json_at(const Json& value, const std::string& key, const std::string& where);

/// The same, or `fallback` where the key is absent.
template <typename T>
T json_value(const Json& value, const std::string& key, T fallback, const std::string& where) {
  return value.contains(key) ? json_at<T>(value, key, where) : fallback;
}

/// The text with U+FFFD in place of bytes that are not UTF-8 (a path may have them), as JSON needs
/// it.
std::string json_text(const std::string& text);

/// What differs between two objects, one line a key ("options.tau was 0.1, is 0.2"), nested objects
/// by their inner keys.
std::vector<std::string> differences(const Json& before, const Json& now);

}  // namespace reaugkd::base
