// sentencepiece (Kudo and Richardson, EMNLP 2018) behind our Tokenizer. The library is loaded in a
// linker namespace of its own, because its protobuf and LibTorch's cannot share a process; only
// sentencepiece.cpp knows this.
#pragma once

#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace reaugkd::text {

class SentencePieceTokenizer : public Tokenizer {
 public:
  /// `model`: the bytes of a spiece.model; `where` names its file in errors. Special tokens are
  /// ALBERT's: <pad>, <unk>, [CLS], [SEP]. Throws ArtifactError on bytes that are no model, on a
  /// missing special token, or in a build without sentencepiece; IoError where our wrapper of the
  /// library is not installed.
  SentencePieceTokenizer(std::string model, bool do_lower_case, const std::string& where);
  ~SentencePieceTokenizer() override;
  SentencePieceTokenizer(const SentencePieceTokenizer&) = delete;
  SentencePieceTokenizer& operator=(const SentencePieceTokenizer&) = delete;

  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::int64_t vocab_size() const override { return vocab_size_; }
  const SpecialTokens& special_tokens() const override { return special_; }
  void save(const std::filesystem::path& directory) const override;

 private:
  std::string model_;
  bool do_lower_case_;
  std::unique_ptr<void, void (*)(void*)> processor_;
  std::int64_t vocab_size_ = 0;
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
