// One line of a JSON lines file as an object, and the texts in it.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace reaugkd::data {

/// The object that `line` holds. Throws DataError where it is none, or has a key twice: a parser
/// would keep one value and drop the other. `where`: file and line, for messages.
base::Json parse_json_line(std::string_view line, const std::string& where);

/// object[key] as a text; numbers and booleans as JSON spells them. Throws DataError where it is
/// something else, or absent or null, with the keys that there are.
std::string json_text_at(const base::Json& object, const std::string& key,
                         const std::string& where);

/// Whether the key is absent or null.
bool json_lacks(const base::Json& object, const std::string& key);

}  // namespace reaugkd::data
