#include "text/wordpiece.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/unicode.h"

namespace reaugkd::text {
namespace {

using base::ArtifactError;

constexpr std::size_t kMaxWordCharacters = 100;  // a longer word is [UNK]
constexpr std::string_view kContinuation = "##";

enum class CharacterClass : std::uint8_t { kDropped, kWhitespace, kPunctuation, kWord };

CharacterClass class_of(char32_t code_point) {
  if (code_point == kReplacementCharacter || is_control(code_point)) {
    return CharacterClass::kDropped;
  }
  if (is_whitespace(code_point)) {
    return CharacterClass::kWhitespace;
  }
  return is_punctuation(code_point) ? CharacterClass::kPunctuation : CharacterClass::kWord;
}

std::array<CharacterClass, 128> ascii_classes() {
  std::array<CharacterClass, 128> classes{};
  for (std::size_t byte = 0; byte < classes.size(); ++byte) {
    classes.at(byte) = class_of(static_cast<char32_t>(byte));
  }
  return classes;
}

const std::array<CharacterClass, 128> kAsciiClasses = ascii_classes();

bool starts_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

bool too_long(std::string_view word) {
  return word.size() > kMaxWordCharacters &&
         std::count_if(word.begin(), word.end(), starts_character) >
             static_cast<std::ptrdiff_t>(kMaxWordCharacters);
}

}  // namespace

WordPieceTokenizer::WordPieceTokenizer(std::string vocab, WordPieceOptions options,
                                       const std::string& where)
    : vocab_(std::move(vocab)), options_(options) {
  read_vocab(where);
  const auto id_of = [&](const char* token) {
    const auto found = word_starts_.find(token);
    if (found == word_starts_.end()) {
      throw ArtifactError("{}: the token {} is missing among {} lines: expected BERT's vocab.txt",
                          where, token, vocab_size_);
    }
    return found->second;
  };
  special_ = {
      .pad = id_of("[PAD]"), .unk = id_of("[UNK]"), .cls = id_of("[CLS]"), .sep = id_of("[SEP]")};
}

void WordPieceTokenizer::read_vocab(const std::string& where) {
  std::string_view rest = vocab_;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view token = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (token.ends_with('\r')) {
      token.remove_suffix(1);
    }
    const auto id = static_cast<std::int32_t>(vocab_size_++);
    if (token.empty()) {
      continue;  // a blank line has an id, but no text can match it
    }
    // No word starts with "##": '#' is punctuation, hence a word of its own.
    const bool continues = token.size() > 2 && token.starts_with(kContinuation);
    const std::string_view piece = continues ? token.substr(2) : token;
    const auto [entry, is_new] = (continues ? continuations_ : word_starts_).emplace(piece, id);
    if (!is_new) {
      throw ArtifactError("{}:{}: the token \"{}\" is on line {} already", where, vocab_size_,
                          token, entry->second + 1);
    }
    longest_piece_ = std::max(longest_piece_, piece.size());
  }
}

std::vector<std::int32_t> WordPieceTokenizer::encode(std::string_view text) const {
  Progress progress;
  progress.ids.reserve(text.size() / 4 + 4);
  for (std::size_t position = 0; position < text.size();) {
    const auto byte = static_cast<unsigned char>(text[position]);
    if (byte >= 0x80) {
      add_character(next_code_point(text, position), progress);
      continue;
    }
    ++position;
    const CharacterClass kind = kAsciiClasses[byte];
    if (kind == CharacterClass::kDropped) {
      continue;
    }
    if (kind != CharacterClass::kWord) {
      end_word(progress);
    }
    if (kind != CharacterClass::kWhitespace) {
      const bool upper = byte >= 'A' && byte <= 'Z';
      const int lowered = upper && options_.do_lower_case ? byte - 'A' + 'a' : byte;
      progress.word.push_back(static_cast<char>(lowered));
    }
    if (kind == CharacterClass::kPunctuation) {
      end_word(progress);
    }
  }
  end_word(progress);
  return std::move(progress.ids);
}

// What encode() does, for a character that is not ASCII: it may decompose into several, of which
// each can be punctuation.
void WordPieceTokenizer::add_character(char32_t code_point, Progress& progress) const {
  const CharacterClass kind = class_of(code_point);
  if (kind == CharacterClass::kDropped) {
    return;
  }
  const bool alone = kind == CharacterClass::kWhitespace ||
                     (options_.tokenize_chinese_chars && is_chinese(code_point));
  if (alone) {
    end_word(progress);
  }
  if (kind == CharacterClass::kWhitespace) {
    return;
  }
  progress.character.clear();
  if (options_.strip_accents) {
    append_without_accents(code_point, progress.character);
  } else {
    append_utf8(code_point, progress.character);
  }
  for (std::size_t position = 0; position < progress.character.size();) {
    const char32_t part = next_code_point(progress.character, position);
    const bool punctuation = is_punctuation(part);
    if (punctuation) {
      end_word(progress);
    }
    if (options_.do_lower_case) {
      append_lower_case(part, progress.word);
    } else {
      append_utf8(part, progress.word);
    }
    if (punctuation) {
      end_word(progress);
    }
  }
  if (alone) {
    end_word(progress);
  }
}

void WordPieceTokenizer::end_word(Progress& progress) const {
  if (progress.word.empty()) {
    return;
  }
  const std::size_t before = progress.ids.size();
  if (too_long(progress.word) || !append_pieces(progress.word, progress.ids)) {
    progress.ids.resize(before);
    progress.ids.push_back(special_.unk);
  }
  progress.word.clear();
}

// Greedy longest match first; false where some rest of the word matches nothing.
bool WordPieceTokenizer::append_pieces(std::string_view word,
                                       std::vector<std::int32_t>& ids) const {
  for (std::size_t start = 0; start < word.size();) {
    const Ids& pieces = start == 0 ? word_starts_ : continuations_;
    std::size_t size = std::min(word.size() - start, longest_piece_);
    Ids::const_iterator found = pieces.end();
    for (; size > 0 && found == pieces.end(); --size) {
      const bool whole = start + size == word.size() || starts_character(word[start + size]);
      found = whole ? pieces.find(word.substr(start, size)) : pieces.end();
    }
    if (found == pieces.end()) {
      return false;
    }
    ids.push_back(found->second);
    start += found->first.size();
  }
  return true;
}

void WordPieceTokenizer::save(const std::filesystem::path& directory) const {
  base::write_file(directory / "vocab.txt", vocab_);
  // Without a tokenizer_class transformers takes the one of config.json's model_type: DistilBERT's
  // and ELECTRA's vocabularies are WordPiece's too, but not every model takes token types.
  base::write_json(directory / "tokenizer_config.json",
                   {{"do_lower_case", options_.do_lower_case},
                    {"strip_accents", options_.strip_accents},
                    {"tokenize_chinese_chars", options_.tokenize_chinese_chars}});
}

}  // namespace reaugkd::text
