// What turns a text into token ids: one interface over tokenizer.json, WordPiece (vocab.txt),
// sentencepiece (spiece.model, spm.model, sentencepiece.bpe.model) and byte-level BPE (vocab.json
// and merges.txt). A tokenizer belongs to a model directory and travels with it.
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
  int separators = 1;  // how many sep stand between the two texts of a pair
};

/// Thread-safe once built: encode() is called from several threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Ids of the text's pieces, without [CLS] and [SEP].
  virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;
  virtual std::int64_t vocab_size() const = 0;
  virtual const SpecialTokens& special_tokens() const = 0;
  /// The id that the vocabulary gives the token, or -1.
  virtual std::int32_t token_id(const std::string& token) const = 0;
  /// Writes the tokenizer's files (the vocabulary and tokenizer_config.json) into an existing
  /// directory, such that load_tokenizer gives it back. Throws IoError.
  virtual void save(const std::filesystem::path& directory) const = 0;
};

/// Whether the directory has a vocabulary of a name we know.
bool has_tokenizer(const std::filesystem::path& directory);

/// Loads the first of: tokenizer.json, vocab.txt (WordPiece), spiece.model (sentencepiece as ALBERT
/// has it), spm.model (as DeBERTa v2 and v3), sentencepiece.bpe.model (as XLM-R), vocab.json with
/// merges.txt (byte-level BPE). tokenizer_config.json's do_lower_case, strip_accents,
/// tokenize_chinese_chars, keep_accents and add_prefix_space are honoured where there is no
/// tokenizer.json; lower-casing is on where it says nothing, but only for WordPiece and ALBERT.
/// Added tokens of tokenizer_config.json, added_tokens.json and special_tokens_map.json are found
/// in texts. Throws ArtifactError where there is none, it is malformed, or a special token is
/// missing.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& directory);

}  // namespace reaugkd::text
