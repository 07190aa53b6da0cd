#include "text/token_names.h"

#include <algorithm>

#include "base/error.h"

namespace reaugkd::text {
namespace {

base::Json read_settings_file(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return base::Json::object();
  base::Json json = base::read_json(path);
  if (!json.is_object()) {
    throw base::ArtifactError("{}: found {}, expected a JSON object", path.string(),
                              json.type_name());
  }
  return json;
}

/// "[CLS]", or {"content": "[CLS]", ...} as older versions of transformers write it.
void read_names(const base::Json& json, const std::string& where, TokenNames& names) {
  for (const TokenRole& role : kTokenRoles) {
    if (!json.contains(role.key) || json[role.key].is_null()) continue;
    const base::Json& value = json[role.key];
    const base::Json& content =
        value.is_object() && value.contains("content") ? value["content"] : value;
    if (!content.is_string()) {
      throw base::ArtifactError("{}: {}: found {}, expected a token", where, role.key,
                                value.dump(-1, ' ', false, base::Json::error_handler_t::replace));
    }
    names.*role.name = content.get<std::string>();
  }
}

}  // namespace

std::optional<bool> TokenizerSettings::flag(const std::string& key) const {
  // Published configs say null where a key follows another.
  if (!config.contains(key) || config[key].is_null()) return std::nullopt;
  return base::json_at<bool>(config, key, config_path);
}

std::string TokenizerSettings::tokenizer_class() const {
  const bool given = config.contains("tokenizer_class") && config["tokenizer_class"].is_string();
  return given ? config["tokenizer_class"].get<std::string>() : "";
}

TokenizerSettings read_tokenizer_settings(const std::filesystem::path& directory) {
  TokenizerSettings settings;
  settings.config_path = (directory / "tokenizer_config.json").string();
  settings.special_map_path = (directory / "special_tokens_map.json").string();
  settings.added_tokens_path = (directory / "added_tokens.json").string();
  settings.config = read_settings_file(settings.config_path);
  settings.special_map = read_settings_file(settings.special_map_path);
  settings.added_tokens = read_settings_file(settings.added_tokens_path);
  read_names(settings.special_map, settings.special_map_path, settings.names);
  read_names(settings.config, settings.config_path, settings.names);
  return settings;
}

bool is_frame_token(const std::string& token, const TokenNames& names) {
  constexpr std::array<std::string_view, 13> kUsual = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
                                                       "<pad>", "<unk>", "<s>",   "</s>",  "<mask>",
                                                       "<bos>", "<eos>", "<cls>"};
  return std::ranges::find(kUsual, token) != kUsual.end() ||
         std::ranges::any_of(kTokenRoles,
                             [&](const TokenRole& role) { return names.*role.name == token; });
}

}  // namespace reaugkd::text
