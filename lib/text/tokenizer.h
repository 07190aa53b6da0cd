// What turns a text into token ids: one interface over WordPiece (vocab.txt) and sentencepiece
// (spiece.model). A tokenizer belongs to a model directory and travels with it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace reaugkd::text {

struct SpecialTokens {
  std::int32_t pad = 0;
  std::int32_t unk = 0;
  std::int32_t cls = 0;
  std::int32_t sep = 0;
};

/// Thread-safe once built: encode() is called from several threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Ids of the text's pieces, without [CLS] and [SEP].
  virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;
  virtual std::int64_t vocab_size() const = 0;
  virtual const SpecialTokens& special_tokens() const = 0;
  /// Writes the tokenizer's files (vocab.txt or spiece.model, tokenizer_config.json) into an
  /// existing directory, such that load_tokenizer gives it back. Throws IoError.
  virtual void save(const std::filesystem::path& directory) const = 0;
};

/// Whether the directory has a vocabulary we know (vocab.txt or spiece.model).
bool has_tokenizer(const std::filesystem::path& directory);

/// Loads vocab.txt (WordPiece) or spiece.model (sentencepiece); tokenizer_config.json's
/// do_lower_case, strip_accents and tokenize_chinese_chars are honoured, lower-casing is on where
/// it says nothing. Throws ArtifactError where there is none, it is malformed, or [CLS], [SEP],
/// [PAD] or [UNK] is missing.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& directory);

}  // namespace reaugkd::text
