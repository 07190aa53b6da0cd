#include "text/component.h"

#include <iterator>

#include "base/error.h"

namespace reaugkd::text {
namespace {

constexpr std::size_t kDeepestSequence = 20;

/// Enough of a value to find it in the file.
std::string shown(const Component::Json& json) {
  constexpr std::size_t kMost = 60;
  std::string text = json.dump(-1, ' ', false, Component::Json::error_handler_t::replace);
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

void append_flat(const Component::Json& json, const std::string& where, const std::string& list_key,
                 std::size_t depth, std::vector<Component>& components) {
  if (json.is_null()) return;
  Component component(json, where);
  if (component.type() != "Sequence") {
    components.push_back(std::move(component));
    return;
  }
  const auto& list = component.at(list_key);
  if (!list.is_array() || depth == kDeepestSequence) component.refuse(list_key, "a list");
  for (std::size_t i = 0; i < list.size(); ++i) {
    append_flat(list[i], component.where(list_key) + "[" + std::to_string(i) + "]", list_key,
                depth + 1, components);
  }
}

}  // namespace

Component::Component(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
  if (!json.is_object() || !json.contains("type") || !json["type"].is_string()) {
    throw base::ArtifactError("{}: found {}, expected an object with a \"type\"", where_,
                              shown(json));
  }
  type_ = json["type"].get<std::string>();
}

bool Component::has(const std::string& key) const {
  return json_.contains(key) && !json_[key].is_null();
}

const Component::Json& Component::at(const std::string& key) const {
  if (!json_.contains(key)) {
    throw base::ArtifactError("{}: {} has no \"{}\"", where_, type_, key);
  }
  return json_[key];
}

bool Component::flag(const std::string& key, bool fallback) const {
  if (!has(key)) return fallback;
  if (!json_[key].is_boolean()) refuse(key, "true or false");
  return json_[key].get<bool>();
}

std::string Component::text(const std::string& key, const std::string& fallback) const {
  return has(key) ? text(key) : fallback;
}

std::string Component::text(const std::string& key) const {
  if (!at(key).is_string()) refuse(key, "a text");
  return json_[key].get<std::string>();
}

void Component::refuse_type(const std::string& known) const {
  throw base::ArtifactError(
      "{}: found the type \"{}\", which is not supported; expected one of: {}", where_, type_,
      known);
}

void Component::refuse(const std::string& key, const std::string& expected) const {
  throw base::ArtifactError("{}.{} of {}: found {}, expected {}", where_, key, type_,
                            json_.contains(key) ? shown(json_[key]) : "nothing", expected);
}

std::vector<Component> flat_components(const Component::Json& json, const std::string& where,
                                       const std::string& list_key) {
  std::vector<Component> components;
  append_flat(json, where, list_key, 0, components);
  return components;
}

}  // namespace reaugkd::text
