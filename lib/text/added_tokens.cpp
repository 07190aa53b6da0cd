#include "text/added_tokens.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "text/unicode.h"

namespace reaugkd::text {
namespace {

constexpr std::int64_t kLargestAddedId = 100'000'000;

template <typename Json>
bool flag_of(const Json& json, const char* key, bool fallback) {
  return json.contains(key) && json[key].is_boolean() ? json[key].template get<bool>() : fallback;
}

/// {"content": "<user>", "lstrip": false, ...}
template <typename Json>
AddedToken token_of(const Json& json, const std::string& where) {
  if (!json.is_object() || !json.contains("content") || !json["content"].is_string()) {
    throw base::ArtifactError("{}: found {}, expected an object with a \"content\"", where,
                              json.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  AddedToken token;
  token.content = json["content"].template get<std::string>();
  token.single_word = flag_of(json, "single_word", false);
  token.lstrip = flag_of(json, "lstrip", false);
  token.rstrip = flag_of(json, "rstrip", false);
  token.special = flag_of(json, "special", false);
  token.normalized = flag_of(json, "normalized", !token.special);
  return token;
}

template <typename Json>
std::int32_t checked_id(const Json& json, const std::string& where) {
  const bool is_id = json.is_number_integer() && json.template get<std::int64_t>() >= 0 &&
                     json.template get<std::int64_t>() <= kLargestAddedId;
  if (!is_id) {
    throw base::ArtifactError("{}: found {}, expected a token's id", where,
                              json.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return json.template get<std::int32_t>();
}

bool is_there(const std::vector<AddedToken>& tokens, const std::string& content) {
  return std::ranges::any_of(tokens, [&](const auto& token) { return token.content == content; });
}

void append_decoder(const TokenizerSettings& settings, std::vector<AddedToken>& tokens) {
  const auto& config = settings.config;
  if (!config.contains("added_tokens_decoder")) return;
  const std::string where = settings.config_path + ": added_tokens_decoder";
  for (const auto& [key, value] : config["added_tokens_decoder"].items()) {
    AddedToken token = token_of(value, fmt::format("{}.{}", where, key));
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token.id);
    if (error != std::errc() || end != key.data() + key.size() || token.id < 0 ||
        token.id > kLargestAddedId) {
      throw base::ArtifactError("{}: found the key \"{}\", expected a token's id", where, key);
    }
    if (!is_there(tokens, token.content)) tokens.push_back(std::move(token));
  }
}

/// additional_special_tokens, a list of texts or objects, without ids.
void append_additional(const base::Json& json, const std::string& where,
                       std::vector<AddedToken>& tokens) {
  if (!json.contains("additional_special_tokens")) return;
  for (const auto& value : json["additional_special_tokens"]) {
    AddedToken token;
    token.id = -1;
    token.normalized = false;
    token.special = true;
    if (value.is_string()) {
      token.content = value.get<std::string>();
    } else {
      token.content = token_of(value, where + ": additional_special_tokens").content;
    }
    if (!is_there(tokens, token.content)) tokens.push_back(std::move(token));
  }
}

bool is_word(char32_t code_point) {
  return is_word_character(code_point);
}

/// Whether a letter or digit stands right before `position`.
bool word_before(std::string_view text, std::size_t position) {
  if (position == 0) return false;
  std::size_t begin = position - 1;
  while (begin > 0 && !starts_character(text[begin])) --begin;
  return is_word(next_code_point(text, begin));
}

bool word_after(std::string_view text, std::size_t position) {
  return position < text.size() && is_word(next_code_point(text, position));
}

/// Where the white space before `position` begins.
std::size_t space_before(std::string_view text, std::size_t position) {
  for (std::size_t begin = position; begin > 0; position = begin) {
    do {
      --begin;
    } while (begin > 0 && !starts_character(text[begin]));
    std::size_t next = begin;
    if (!is_white_space_property(next_code_point(text, next))) break;
  }
  return position;
}

std::size_t space_after(std::string_view text, std::size_t position) {
  for (std::size_t next = position; next < text.size(); position = next) {
    if (!is_white_space_property(next_code_point(text, next))) break;
  }
  return position;
}

}  // namespace

base::Json AddedToken::to_json() const {
  return {{"content", content}, {"lstrip", lstrip},           {"normalized", normalized},
          {"rstrip", rstrip},   {"single_word", single_word}, {"special", special}};
}

std::vector<AddedToken> read_added_tokens(const nlohmann::json& list, const std::string& where) {
  std::vector<AddedToken> tokens;
  if (list.is_null()) return tokens;
  if (!list.is_array()) throw base::ArtifactError("{}: found no list of tokens", where);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", where, i);
    AddedToken token = token_of(list[i], place);
    if (!list[i].contains("id")) throw base::ArtifactError("{}: has no \"id\"", place);
    token.id = checked_id(list[i]["id"], place + ".id");
    tokens.push_back(std::move(token));
  }
  return tokens;
}

void append_added_tokens(const TokenizerSettings& settings, const TokenIds& vocabulary,
                         std::int64_t vocab_size, std::vector<AddedToken>& tokens) {
  append_decoder(settings, tokens);
  for (const auto& [content, value] : settings.added_tokens.items()) {
    const std::int32_t id = checked_id(value, settings.added_tokens_path + ": " + content);
    const bool special = is_frame_token(content, settings.names);
    if (is_there(tokens, content)) continue;
    tokens.push_back({.content = content, .id = id, .normalized = !special, .special = special});
  }
  append_additional(settings.special_map, settings.special_map_path, tokens);
  append_additional(settings.config, settings.config_path, tokens);
  std::erase_if(tokens, [](const AddedToken& token) { return token.content.empty(); });
  std::int64_t next = vocab_size;
  for (const auto& token : tokens) next = std::max<std::int64_t>(next, token.id + 1);
  for (auto& token : tokens) {
    if (token.id >= 0) continue;
    token.id = vocabulary(token.content);
    if (token.id < 0) token.id = static_cast<std::int32_t>(next++);
  }
}

AddedTokenFinder::AddedTokenFinder(const std::vector<AddedToken>& tokens,
                                   const std::vector<std::string>& contents,
                                   const TokenNames& names) {
  std::vector<Trie::Entry> entries;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    entries.emplace_back(contents[i], static_cast<std::int32_t>(entries_.size()));
    entries_.push_back({tokens[i], is_frame_token(tokens[i].content, names)});
  }
  if (std::ranges::all_of(entries_, &Entry::plain)) {
    entries_.clear();
  } else {
    trie_ = Trie(std::move(entries));
  }
}

AddedTokenFinder::Found AddedTokenFinder::find(std::string_view text, std::size_t position,
                                               std::size_t done) const {
  while (position < text.size() && !trie_.begins(text[position])) ++position;
  if (position == text.size()) return {done, position, position};
  const Trie::Match match = trie_.longest_prefix(text.substr(position));
  if (match.size == 0) return {done, position + 1, position + 1};
  std::size_t begin = position;
  std::size_t end = position + match.size;
  const std::size_t next = end;
  const Entry& entry = entries_[static_cast<std::size_t>(match.value)];
  const AddedToken& token = entry.token;
  const bool touched = token.single_word && (word_before(text, begin) || word_after(text, end));
  if (entry.plain || touched) return {done, next, next};
  if (token.lstrip) begin = std::max(space_before(text, begin), done);
  if (token.rstrip) end = space_after(text, end);
  return {begin, end, next, token.id};
}

}  // namespace reaugkd::text
