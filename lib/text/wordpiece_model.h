// WordPiece's model (Schuster and Nakajima 2012; Devlin et al. 2019): the longest piece that the
// word begins with, then the longest continuation, and so on.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "text/subword_model.h"
#include "text/trie.h"

namespace reaugkd::text {

struct WordPieceVocab {
  std::vector<std::pair<std::string, std::int32_t>> tokens;
  std::int32_t unk = 0;
  std::string continuation = "##";        // how a piece begins that is no word's beginning
  std::size_t max_word_characters = 100;  // a longer word is unknown
};

class WordPieceModel : public SubwordModel {
 public:
  explicit WordPieceModel(const WordPieceVocab& vocab);

  /// The unknown token alone where some rest of the word matches nothing.
  void append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const override;

 private:
  bool too_long(std::string_view word) const;

  Trie word_starts_;
  Trie continuations_;  // without their "##"
  std::int32_t unk_;
  std::size_t max_word_characters_;
};

}  // namespace reaugkd::text
