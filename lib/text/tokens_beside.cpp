#include "text/tokens_beside.h"

#include <algorithm>

#include "base/json.h"

namespace reaugkd::text {

TokenizerWithAdded::TokenizerWithAdded(std::unique_ptr<Tokenizer> inner,
                                       std::vector<AddedToken> added, Normalizers normalizers,
                                       const TokenNames& names)
    : inner_(std::move(inner)),
      added_(std::move(added)),
      normalizers_(std::move(normalizers)),
      vocab_size_(inner_->vocab_size()) {
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normal;
  std::vector<std::string> raw_contents;
  std::vector<std::string> normal_contents;
  for (const AddedToken& token : added_) {
    vocab_size_ = std::max<std::int64_t>(vocab_size_, token.id + 1);
    std::string content = token.content;
    if (token.normalized) {
      for (const auto& step : normalizers_) content = step->apply(std::move(content));
    }
    (token.normalized ? normal : raw).push_back(token);
    (token.normalized ? normal_contents : raw_contents).push_back(std::move(content));
  }
  raw_finder_ = AddedTokenFinder(raw, raw_contents, names);
  normalized_finder_ = AddedTokenFinder(normal, normal_contents, names);
}

std::vector<std::int32_t> TokenizerWithAdded::encode(std::string_view text) const {
  Ids ids;
  raw_finder_.for_each_part(
      text, [&](std::string_view segment, std::size_t) { append_segment(segment, ids); },
      [&](std::int32_t id) { ids.push_back(id); });
  return ids;
}

void TokenizerWithAdded::append_segment(std::string_view segment, Ids& ids) const {
  const auto append = [&](std::string_view part) {
    const Ids more = inner_->encode(part);
    ids.insert(ids.end(), more.begin(), more.end());
  };
  if (normalized_finder_.empty()) {
    append(segment);
    return;
  }
  std::string text(segment);
  for (const auto& step : normalizers_) text = step->apply(std::move(text));
  // The inner tokenizer normalizes the parts again, which changes nothing.
  normalized_finder_.for_each_part(
      text, [&](std::string_view part, std::size_t) { append(part); },
      [&](std::int32_t id) { ids.push_back(id); });
}

std::int32_t TokenizerWithAdded::token_id(const std::string& token) const {
  const auto found = std::ranges::find(added_, token, &AddedToken::content);
  return found == added_.end() ? inner_->token_id(token) : found->id;
}

void TokenizerWithAdded::save(const std::filesystem::path& directory) const {
  inner_->save(directory);
  const auto path = directory / "tokenizer_config.json";
  base::Json config = base::read_json(path);
  for (const AddedToken& token : added_) {
    config["added_tokens_decoder"][std::to_string(token.id)] = token.to_json();
  }
  base::write_json(path, config);
}

std::unique_ptr<Tokenizer> with_added_tokens(std::unique_ptr<Tokenizer> inner,
                                             const TokenizerSettings& settings,
                                             Normalizers normalizers) {
  std::vector<AddedToken> added;
  append_added_tokens(
      settings, [&](const std::string& token) { return inner->token_id(token); },
      inner->vocab_size(), added);
  const bool all_frame = std::ranges::all_of(added, [&](const AddedToken& token) {
    return is_frame_token(token.content, settings.names) && token.id < inner->vocab_size();
  });
  if (all_frame) return inner;
  return std::make_unique<TokenizerWithAdded>(std::move(inner), std::move(added),
                                              std::move(normalizers), settings.names);
}

}  // namespace reaugkd::text
