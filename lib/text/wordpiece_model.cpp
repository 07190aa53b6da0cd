#include "text/wordpiece_model.h"

#include <algorithm>

#include "text/unicode.h"

namespace reaugkd::text {

WordPieceModel::WordPieceModel(const WordPieceVocab& vocab)
    : unk_(vocab.unk), max_word_characters_(vocab.max_word_characters) {
  std::vector<Trie::Entry> continuations;
  for (const auto& [token, id] : vocab.tokens) {
    if (token.starts_with(vocab.continuation)) {
      continuations.emplace_back(token.substr(vocab.continuation.size()), id);
    }
  }
  word_starts_ = Trie(vocab.tokens);
  continuations_ = Trie(std::move(continuations));
}

bool WordPieceModel::too_long(std::string_view word) const {
  return word.size() > max_word_characters_ &&
         std::ranges::count_if(word, starts_character) >
             static_cast<std::ptrdiff_t>(max_word_characters_);
}

void WordPieceModel::append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const {
  const std::size_t before = ids.size();
  bool known = !too_long(word);
  for (std::string_view rest = word; known && !rest.empty();) {
    const Trie& pieces = rest.size() == word.size() ? word_starts_ : continuations_;
    const Trie::Match match = pieces.longest_prefix(rest);
    known = match.size > 0;
    ids.push_back(match.value);
    rest.remove_prefix(match.size);
  }
  if (!known) {
    ids.resize(before);
    ids.push_back(unk_);
  }
}

}  // namespace reaugkd::text
