// sentencepiece (Kudo and Richardson, EMNLP 2018) behind our Tokenizer. The library is loaded in a
// linker namespace of its own, because its protobuf and LibTorch's cannot share a process; only
// sentencepiece.cpp knows this.
#pragma once

#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace reaugkd::text {

/// A loaded spiece.model: pieces and their ids, nothing about special tokens.
class SentencePieceModel {
 public:
  /// `bytes` of a spiece.model; `where` names its file in errors. Throws ArtifactError on bytes
  /// that are no model or in a build without sentencepiece; IoError where our wrapper of the
  /// library is not installed.
  SentencePieceModel(std::string bytes, const std::string& where);

  std::vector<std::int32_t> encode(const std::string& text) const;
  /// The piece's id; throws ArtifactError with `expected` where it is missing.
  std::int32_t id_of(const char* piece, const char* expected) const;
  /// The piece's id, or -1.
  std::int32_t find(const std::string& piece) const;
  std::int64_t size() const { return size_; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::string where_;
  std::unique_ptr<void, void (*)(void*)> processor_;
  std::int64_t size_ = 0;
};

/// ALBERT's tokenizer: before the model sees the text, `` and '' become ", accents go unless they
/// are to be kept, and letters become lower case if so asked.
class SentencePieceTokenizer : public Tokenizer {
 public:
  /// As SentencePieceModel; special tokens are <pad>, <unk>, [CLS], [SEP]. Throws ArtifactError on
  /// a missing one too.
  SentencePieceTokenizer(std::string model, bool do_lower_case, const std::string& where,
                         bool keep_accents = true);

  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::int64_t vocab_size() const override { return model_.size(); }
  const SpecialTokens& special_tokens() const override { return special_; }
  std::int32_t token_id(const std::string& token) const override;
  void save(const std::filesystem::path& directory) const override;

 private:
  SentencePieceModel model_;
  bool do_lower_case_;
  bool keep_accents_;
  SpecialTokens special_;
};

/// XLM-R's tokenizer: fairseq's ids <s> 0, <pad> 1, </s> 2, <unk> 3, every other piece one more
/// than sentencepiece's own, <mask> last.
class XlmRobertaTokenizer : public Tokenizer {
 public:
  /// As SentencePieceModel; throws ArtifactError too where <unk>, <s>, </s> are not pieces 0, 1, 2.
  XlmRobertaTokenizer(std::string model, const std::string& where);

  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::int64_t vocab_size() const override { return model_.size() + 2; }
  const SpecialTokens& special_tokens() const override { return special_; }
  std::int32_t token_id(const std::string& token) const override;
  void save(const std::filesystem::path& directory) const override;

 private:
  SentencePieceModel model_;
  SpecialTokens special_;
};

/// The tokenizer of DeBERTa v2 and v3: the model's own ids, [MASK] after the last piece where the
/// model has none.
class DebertaTokenizer : public Tokenizer {
 public:
  /// As SentencePieceModel; special tokens are [PAD], [UNK], [CLS], [SEP]. Throws ArtifactError on
  /// a missing one too.
  DebertaTokenizer(std::string model, bool do_lower_case, const std::string& where);

  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::int64_t vocab_size() const override { return model_.size() + (own_mask_ ? 0 : 1); }
  const SpecialTokens& special_tokens() const override { return special_; }
  std::int32_t token_id(const std::string& token) const override;
  void save(const std::filesystem::path& directory) const override;

 private:
  SentencePieceModel model_;
  bool do_lower_case_;
  bool own_mask_;
  SpecialTokens special_;
};

/// Trains a unigram model of exactly `vocab_size` pieces on `texts` and returns the bytes of a
/// spiece.model, <pad> 0, <unk> 1, [CLS] 2, [SEP] 3, [MASK] 4. Deterministic. Throws DataError
/// where the texts cannot fill the vocabulary (says the largest that fits), ConfigError in a build
/// without sentencepiece.
std::string train_sentencepiece(const std::vector<std::string>& texts, std::int64_t vocab_size,
                                bool do_lower_case);

/// Whether this build has sentencepiece (for --version).
bool sentencepiece_available();

}  // namespace reaugkd::text
