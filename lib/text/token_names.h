// Which tokens a tokenizer calls cls, sep, pad and so on: tokenizer_config.json and
// special_tokens_map.json say it, as texts or as objects.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include "base/json.h"

namespace reaugkd::text {

struct TokenNames {
  std::optional<std::string> pad, unk, cls, sep, mask, bos, eos;
};

/// Each member of TokenNames with its key in the files.
struct TokenRole {
  const char* key;
  std::optional<std::string> TokenNames::*name;
};
inline constexpr std::array<TokenRole, 7> kTokenRoles = {{{"pad_token", &TokenNames::pad},
                                                          {"unk_token", &TokenNames::unk},
                                                          {"cls_token", &TokenNames::cls},
                                                          {"sep_token", &TokenNames::sep},
                                                          {"mask_token", &TokenNames::mask},
                                                          {"bos_token", &TokenNames::bos},
                                                          {"eos_token", &TokenNames::eos}}};

/// A tokenizer's files of settings, as they are; an empty object where a file is not there.
struct TokenizerSettings {
  base::Json config = base::Json::object();        // tokenizer_config.json
  base::Json special_map = base::Json::object();   // special_tokens_map.json
  base::Json added_tokens = base::Json::object();  // added_tokens.json
  std::string config_path;
  std::string special_map_path;
  std::string added_tokens_path;
  TokenNames names;

  /// The switch of tokenizer_config.json; nothing where it is missing or null. Throws ArtifactError
  /// on a value of another type.
  std::optional<bool> flag(const std::string& key) const;
  /// "" where it is missing or null.
  std::string tokenizer_class() const;
};

/// Throws ArtifactError on a file that is no JSON object, or a name that is no text.
TokenizerSettings read_tokenizer_settings(const std::filesystem::path& directory);

/// Whether the token frames texts or fills them up (pad, unk, cls, sep, mask, bos, eos): in a text
/// it is plain text, so that data cannot put one into its input. Without names, by the usual ones.
bool is_frame_token(const std::string& token, const TokenNames& names);

}  // namespace reaugkd::text
