#include "data/class_names.h"

#include <algorithm>
#include <cctype>
#include <map>

namespace reaugkd::data {
namespace {

std::string ascii_lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

std::optional<std::vector<std::string>> in_order_of(const std::vector<std::string>& names,
                                                    const std::vector<std::string>& labels) {
  std::map<std::string, std::string> by_name;
  for (const auto& label : labels) by_name[ascii_lower_case(label)] = label;
  std::vector<std::string> ordered;
  for (const auto& name : names) {
    const auto found = by_name.extract(ascii_lower_case(name));
    if (found.empty()) return std::nullopt;
    ordered.push_back(found.mapped());
  }
  if (!by_name.empty() || ordered.size() != labels.size()) return std::nullopt;
  return ordered;
}

bool nameless(const std::vector<std::string>& names) {
  return std::all_of(names.begin(), names.end(),
                     [](const std::string& name) { return name.starts_with("LABEL_"); });
}

}  // namespace reaugkd::data
