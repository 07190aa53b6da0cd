#include "text/bert_words.h"

#include <array>

#include "text/unicode.h"

namespace reaugkd::text {
namespace {

enum class CharacterClass : std::uint8_t { kWord, kWhitespace, kPunctuation, kDropped };

CharacterClass class_of(char32_t code_point) {
  if (code_point == kReplacementCharacter || is_control(code_point)) {
    return CharacterClass::kDropped;
  }
  if (is_whitespace(code_point)) return CharacterClass::kWhitespace;
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

char lowered(unsigned char byte) {
  return static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
}

class Cutter {
 public:
  Cutter(std::string_view text, const WordPieceOptions& options, Words& words)
      : text_(text), options_(options), words_(words) {}

  void cut() {
    while (position_ < text_.size()) {
      if (static_cast<unsigned char>(text_[position_]) < 0x80) {
        add_ascii();
      } else {
        add_character(next_code_point(text_, position_));
      }
    }
    end_word();
  }

 private:
  void add_ascii();
  void add_character(char32_t code_point);
  void end_word() {
    if (begin_ < words_.bytes.size()) words_.spans.push_back({begin_, words_.bytes.size()});
    begin_ = words_.bytes.size();
  }

  std::string_view text_;
  const WordPieceOptions& options_;
  Words& words_;
  std::size_t position_ = 0;
  std::size_t begin_ = 0;  // of the word that is being gathered
  std::string character_;
};

void Cutter::add_ascii() {
  const auto byte = static_cast<unsigned char>(text_[position_++]);
  const CharacterClass kind = kAsciiClasses[byte];
  if (kind == CharacterClass::kDropped) return;
  if (kind != CharacterClass::kWord) end_word();
  if (kind == CharacterClass::kWhitespace) return;
  words_.bytes.push_back(options_.do_lower_case ? lowered(byte) : static_cast<char>(byte));
  if (kind == CharacterClass::kPunctuation) end_word();
}

// A character that is not ASCII may decompose into several, of which each can be punctuation.
void Cutter::add_character(char32_t code_point) {
  const CharacterClass kind = class_of(code_point);
  if (kind == CharacterClass::kDropped) return;
  const bool alone = kind == CharacterClass::kWhitespace ||
                     (options_.tokenize_chinese_chars && is_chinese(code_point));
  if (alone) end_word();
  if (kind == CharacterClass::kWhitespace) return;
  character_.clear();
  if (options_.strip_accents) {
    append_without_accents(code_point, character_);
  } else {
    append_utf8(code_point, character_);
  }
  for (std::size_t position = 0; position < character_.size();) {
    const char32_t part = next_code_point(character_, position);
    const bool punctuation = is_punctuation(part);
    if (punctuation) end_word();
    if (options_.do_lower_case) {
      append_lower_case(part, words_.bytes);
    } else {
      append_utf8(part, words_.bytes);
    }
    if (punctuation) end_word();
  }
  if (alone) end_word();
}

}  // namespace

void split_for_bert(std::string_view text, const WordPieceOptions& options, Words& words) {
  words.bytes.clear();
  words.spans.clear();
  words.bytes.reserve(text.size() + text.size() / 8);
  words.spans.reserve(text.size() / 4 + 4);
  Cutter(text, options, words).cut();
}

}  // namespace reaugkd::text
