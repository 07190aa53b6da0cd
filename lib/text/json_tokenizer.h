// The tokenizer that a tokenizer.json describes, as Hugging Face's `tokenizers` reads it:
// added tokens, normalizers, pre-tokenizers, model, and the tokens around a text.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/bert_words.h"
#include "text/frame.h"
#include "text/model_readers.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/token_names.h"
#include "text/tokenizer.h"
#include "text/word_cache.h"

namespace reaugkd::text {

class JsonTokenizer : public Tokenizer {
 public:
  /// `json`: the file's bytes; `where` names it in errors. Of `settings` the names of special
  /// tokens and further added tokens are read; where they contradict the file, the file counts and
  /// a line is logged. Truncation, padding and decoder of the file are ignored. Throws
  /// ArtifactError on a component that is unknown or malformed, naming it and where it stands.
  JsonTokenizer(std::string json, TokenizerSettings settings, const std::string& where);

  /// A frame token's name in the text is plain text; any other added token is found.
  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::int64_t vocab_size() const override { return vocab_size_; }
  const SpecialTokens& special_tokens() const override { return special_; }
  std::int32_t token_id(const std::string& token) const override;
  /// Writes tokenizer.json byte for byte, and a tokenizer_config.json by which transformers reads
  /// it as it is.
  void save(const std::filesystem::path& directory) const override;

 private:
  using Ids = std::vector<std::int32_t>;

  void read_components(const nlohmann::json& json, const std::string& where);
  void read_tokens(const nlohmann::json& json, const std::string& where);
  void name_frame(const nlohmann::json& json, const std::string& where);
  void check_contradictions(const nlohmann::json& normalizer) const;
  std::string normalized(std::string text) const;
  void append_segment(std::string_view segment, bool begins_text, WordCache& cache, Ids& ids) const;
  void append_words(std::string_view text, bool begins_text, WordCache& cache, Ids& ids) const;

  std::string json_;  // for save()
  TokenizerSettings settings_;
  Normalizers normalizers_;
  PreTokenizers pre_tokenizers_;
  std::optional<WordPieceOptions> bert_;  // where normalizer and pre-tokenizer are BERT's
  ReadModel model_;
  std::vector<AddedToken> added_;
  std::size_t num_own_added_ = 0;  // those of tokenizer.json; the others come after them
  AddedTokenFinder raw_finder_;
  AddedTokenFinder normalized_finder_;
  std::optional<Frame> frame_;
  std::int64_t vocab_size_ = 0;
  SpecialTokens special_;
  mutable WordCaches caches_;
};

}  // namespace reaugkd::text
