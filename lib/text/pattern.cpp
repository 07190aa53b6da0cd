#include "text/pattern.h"

namespace reaugkd::text {

Regex read_pattern(const Component& component) {
  const auto& pattern = component.at("pattern");
  const std::string where = component.where("pattern");
  const auto has_text = [&](const char* key) {
    return pattern.is_object() && pattern.contains(key) && pattern[key].is_string() &&
           !pattern[key].get_ref<const std::string&>().empty();
  };
  if (has_text("Regex")) return {pattern["Regex"].get<std::string>(), where};
  if (has_text("String")) return Regex::of_literal(pattern["String"].get<std::string>(), where);
  component.refuse("pattern", R"({"String": "..."} or {"Regex": "..."}, not empty)");
}

}  // namespace reaugkd::text
