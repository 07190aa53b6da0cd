// sentencepiece's unigram model (Kudo, ACL 2018): the pieces that together have the largest
// probability, found by Viterbi's algorithm.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/subword_model.h"
#include "text/trie.h"

namespace reaugkd::text {

struct UnigramVocab {
  std::vector<std::pair<std::string, double>> pieces;  // and their log probabilities; an id is a
                                                       // place in the list
  std::int32_t unk = 0;
  std::vector<std::int32_t> unmatched;  // ids that no text may have, as those of frame tokens
  bool byte_fallback = false;           // an unknown character becomes its bytes' pieces, <0x0A>
};

class UnigramModel : public SubwordModel {
 public:
  explicit UnigramModel(const UnigramVocab& vocab);

  /// Unknown characters side by side are one unknown piece.
  void append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const override;

 private:
  void append_unknown(std::string_view part, std::vector<std::int32_t>& ids) const;

  Trie trie_;
  std::vector<double> scores_;
  double unknown_score_;
  std::int32_t unk_;
  std::optional<std::array<std::int32_t, 256>> bytes_;
};

}  // namespace reaugkd::text
