#include "text/frame.h"

#include <tuple>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/component.h"

namespace reaugkd::text {
namespace {

using Json = nlohmann::json;

constexpr const char* kShapes =
    "cls a sep and cls a sep b sep (BERT's), or cls a sep sep b sep (RoBERTa's)";

/// A part of a template: a special token, or the first or the second text.
struct TemplatePart {
  std::string token;  // "" for a text
  std::string text;   // "A" or "B"
  std::int64_t type = 0;
};

TemplatePart part_of(const Json& json, const Component& component, const std::string& key) {
  TemplatePart part;
  for (const auto& [kind, name] :
       {std::pair{"SpecialToken", &part.token}, std::pair{"Sequence", &part.text}}) {
    if (!json.is_object() || !json.contains(kind)) continue;
    const Json& value = json[kind];
    if (!value.is_object() || !value.contains("id") || !value["id"].is_string()) break;
    *name = value["id"].get<std::string>();
    if (value.contains("type_id") && value["type_id"].is_number_integer()) {
      part.type = value["type_id"].get<std::int64_t>();
    }
    return part;
  }
  component.refuse(key, "a list of SpecialToken and Sequence");
}

std::vector<TemplatePart> template_of(const Component& component, const std::string& key) {
  if (!component.at(key).is_array()) component.refuse(key, "a list");
  std::vector<TemplatePart> parts;
  for (const Json& json : component.at(key)) parts.push_back(part_of(json, component, key));
  return parts;
}

/// The id of a special token of the template.
std::int32_t template_id(const Component& component, const std::string& token) {
  const Json& tokens = component.at("special_tokens");
  const bool known = tokens.is_object() && tokens.contains(token) && tokens[token].is_object() &&
                     tokens[token].contains("ids") && tokens[token]["ids"].is_array() &&
                     tokens[token]["ids"].size() == 1 &&
                     tokens[token]["ids"][0].is_number_unsigned() &&
                     tokens[token]["ids"][0].get<std::uint64_t>() <= 100'000'000;
  if (!known) component.refuse("special_tokens", "one id of \"" + token + "\"");
  return tokens[token]["ids"][0].get<std::int32_t>();
}

Frame read_template(const Component& component) {
  const auto single = template_of(component, "single");
  const auto pair = template_of(component, "pair");
  if (single.size() != 3 || single[0].token.empty() || single[1].text != "A" ||
      single[2].token.empty()) {
    component.refuse("single", kShapes);
  }
  Frame frame;
  frame.cls = single[0].token;
  frame.sep = single[2].token;
  frame.separators = static_cast<int>(pair.size()) - 4;
  bool fits = (frame.separators == 1 || frame.separators == 2) && pair[0].token == frame.cls &&
              pair[1].text == "A" && pair[pair.size() - 2].text == "B" &&
              pair.back().token == frame.sep;
  for (std::size_t i = 2; fits && i + 2 < pair.size(); ++i) fits = pair[i].token == frame.sep;
  if (!fits) component.refuse("pair", kShapes);
  frame.second_type = pair[pair.size() - 2].type != 0;
  frame.cls_id = template_id(component, frame.cls);
  frame.sep_id = template_id(component, frame.sep);
  return frame;
}

/// ["[SEP]", 102]
std::pair<std::string, std::int32_t> named_id(const Component& component, const char* key) {
  const Json& json = component.at(key);
  const bool fits = json.is_array() && json.size() == 2 && json[0].is_string() &&
                    json[1].is_number_unsigned() && json[1].get<std::uint64_t>() <= 100'000'000;
  if (!fits) component.refuse(key, "a token and its id");
  return {json[0].get<std::string>(), json[1].get<std::int32_t>()};
}

Frame read_named(const Component& component, bool roberta) {
  Frame frame;
  frame.separators = roberta ? 2 : 1;
  frame.second_type = !roberta;
  std::tie(frame.cls, frame.cls_id) = named_id(component, "cls");
  std::tie(frame.sep, frame.sep_id) = named_id(component, "sep");
  return frame;
}

}  // namespace

std::optional<Frame> read_frame(const Json& json, const std::string& where) {
  std::optional<Frame> frame;
  for (const Component& component : flat_components(json, where, "processors")) {
    const std::string& type = component.type();
    if (type == "ByteLevel") continue;  // moves offsets, which we do not have
    if (frame) {
      throw base::ArtifactError("{}: found {} behind a component that adds tokens; expected {}",
                                component.where(), type, kShapes);
    }
    if (type == "TemplateProcessing") {
      frame = read_template(component);
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
      frame = read_named(component, type == "RobertaProcessing");
    } else {
      component.refuse_type(
          "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence");
    }
  }
  return frame;
}

}  // namespace reaugkd::text
