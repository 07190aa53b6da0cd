// BERT's WordPiece tokenizer from a vocab.txt, equal to the published one id for id.
#pragma once

#include <memory>
#include <string>

#include "text/bert_words.h"
#include "text/token_names.h"
#include "text/tokenizer.h"
#include "text/word_cache.h"
#include "text/wordpiece_model.h"

namespace reaugkd::text {

class WordPieceTokenizer : public Tokenizer {
 public:
  /// `vocab`: one token a line, its id the line number; of a token on several lines the last one
  /// counts, with a warning. `where` names its file in errors. Special tokens are those of `names`,
  /// else [PAD], [UNK], [CLS], [SEP], else MPNet's <pad>, <unk>, <s>, </s>. Throws ArtifactError on
  /// a missing one.
  WordPieceTokenizer(std::string vocab, WordPieceOptions options, const std::string& where,
                     const TokenNames& names = {}, const std::string& tokenizer_class = "");

  /// A special token's name in the text is plain text, where Hugging Face would make it the token:
  /// data cannot put a [SEP] into its input. Bytes that are not UTF-8 are dropped.
  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::int64_t vocab_size() const override { return vocab_size_; }
  const SpecialTokens& special_tokens() const override { return special_; }
  std::int32_t token_id(const std::string& token) const override;
  void save(const std::filesystem::path& directory) const override;

 private:
  WordPieceVocab read_vocab(const std::string& where);

  std::string vocab_;  // the file's bytes without a byte order mark, for save()
  std::unordered_map<std::string, std::int32_t> ids_;
  std::unique_ptr<WordPieceModel> model_;
  // Lines up to the last token, blank ones too: an id is a line number.
  std::int64_t vocab_size_ = 0;
  WordPieceOptions options_;
  SpecialTokens special_;
  base::Json saved_names_;  // for tokenizer_config.json: those that are not BERT's
  mutable WordCaches caches_;
};

}  // namespace reaugkd::text
