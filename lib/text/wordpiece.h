// BERT's WordPiece tokenizer (Devlin et al. 2019; Schuster and Nakajima 2012), equal to the
// published one id for id: clean, split Chinese characters, lower-case, strip accents, split
// punctuation, then greedy longest match first.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "text/tokenizer.h"

namespace reaugkd::text {

struct WordPieceOptions {
  bool do_lower_case = true;
  bool strip_accents = true;  // Hugging Face: follows do_lower_case where not given
  bool tokenize_chinese_chars = true;
};

class WordPieceTokenizer : public Tokenizer {
 public:
  /// `vocab`: one token a line, its id the line number; `where` names its file in errors.
  /// Throws ArtifactError on a duplicate token or a missing special token.
  WordPieceTokenizer(std::string vocab, WordPieceOptions options, const std::string& where);
  WordPieceTokenizer(const WordPieceTokenizer&) = delete;  // the maps point into vocab_
  WordPieceTokenizer& operator=(const WordPieceTokenizer&) = delete;

  /// A special token's name in the text is plain text, where Hugging Face would make it the token:
  /// data cannot put a [SEP] into its input. Bytes that are not UTF-8 are dropped.
  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::int64_t vocab_size() const override { return vocab_size_; }
  const SpecialTokens& special_tokens() const override { return special_; }
  void save(const std::filesystem::path& directory) const override;

 private:
  using Ids = std::unordered_map<std::string_view, std::int32_t>;
  // A text on its way: the ids so far, the word that is being gathered, and room for one character.
  struct Progress {
    std::vector<std::int32_t> ids;
    std::string word;
    std::string character;
  };

  void read_vocab(const std::string& where);
  void add_character(char32_t code_point, Progress& progress) const;
  void end_word(Progress& progress) const;
  bool append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const;

  std::string vocab_;  // the file's bytes, for save()
  Ids word_starts_;
  Ids continuations_;  // without their "##"
  std::size_t longest_piece_ = 0;
  std::int64_t vocab_size_ = 0;  // lines, blank ones too: an id is a line number
  WordPieceOptions options_;
  SpecialTokens special_;
};

}  // namespace reaugkd::text
