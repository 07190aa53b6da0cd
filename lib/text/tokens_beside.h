// Added tokens beside a vocabulary that has no place for them: a tokenizer from vocab.txt, a
// sentencepiece model or vocab.json, with the tokens of its other files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/tokenizer.h"

namespace reaugkd::text {

class TokenizerWithAdded : public Tokenizer {
 public:
  /// `normalizers` are those that `inner` applies itself to each text.
  TokenizerWithAdded(std::unique_ptr<Tokenizer> inner, std::vector<AddedToken> added,
                     Normalizers normalizers, const TokenNames& names);

  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::int64_t vocab_size() const override { return vocab_size_; }
  const SpecialTokens& special_tokens() const override { return inner_->special_tokens(); }
  std::int32_t token_id(const std::string& token) const override;
  /// As `inner`, with the added tokens in tokenizer_config.json.
  void save(const std::filesystem::path& directory) const override;

 private:
  using Ids = std::vector<std::int32_t>;
  void append_segment(std::string_view segment, Ids& ids) const;

  std::unique_ptr<Tokenizer> inner_;
  std::vector<AddedToken> added_;
  Normalizers normalizers_;
  AddedTokenFinder raw_finder_;
  AddedTokenFinder normalized_finder_;
  std::int64_t vocab_size_;
};

/// `inner` as it is where nothing of the settings is added to it.
std::unique_ptr<Tokenizer> with_added_tokens(std::unique_ptr<Tokenizer> inner,
                                             const TokenizerSettings& settings,
                                             Normalizers normalizers);

}  // namespace reaugkd::text
