#include "text/byte_level.h"

#include <unordered_map>

#include "text/unicode.h"

namespace reaugkd::text {
namespace {

enum class Kind : std::uint8_t { kLetter, kNumber, kSpace, kOther };

Kind kind_of_any(char32_t code_point) {
  if (is_letter(code_point)) return Kind::kLetter;
  if (is_number(code_point)) return Kind::kNumber;
  return is_white_space_property(code_point) ? Kind::kSpace : Kind::kOther;
}

std::array<Kind, 128> ascii_kinds() {
  std::array<Kind, 128> kinds{};
  for (char32_t code_point = 0; code_point < 128; ++code_point) {
    kinds.at(code_point) = kind_of_any(code_point);
  }
  return kinds;
}

const std::array<Kind, 128> kAsciiKinds = ascii_kinds();

/// The kind of the character at `position`, which moves behind it.
Kind next_kind(std::string_view text, std::size_t& position) {
  const auto byte = static_cast<unsigned char>(text[position]);
  if (byte < 0x80) {
    ++position;
    return kAsciiKinds[byte];
  }
  return kind_of_any(next_code_point(text, position));
}

/// The end of the run of characters of this kind that begins at `position`.
std::size_t end_of_run(std::string_view text, std::size_t position, Kind kind) {
  while (position < text.size()) {
    std::size_t next = position;
    if (next_kind(text, next) != kind) break;
    position = next;
  }
  return position;
}

/// The length of the English contraction ('s, 't, 're, 've, 'm, 'll, 'd) that `rest` begins with.
std::size_t contraction_length(std::string_view rest) {
  constexpr std::array<std::string_view, 7> kContractions = {"'s", "'t",  "'re", "'ve",
                                                             "'m", "'ll", "'d"};
  for (const auto contraction : kContractions) {
    if (rest.starts_with(contraction)) return contraction.size();
  }
  return 0;
}

/// \s+(?!\S)|\s+: white space up to `end`, its last character left to the word that follows it.
std::size_t end_of_space(std::string_view text, std::size_t begin) {
  const std::size_t end = end_of_run(text, begin, Kind::kSpace);
  if (end == text.size()) return end;
  std::size_t last = begin;  // where the run's last character begins
  for (std::size_t position = begin; position < end;) {
    last = position;
    next_code_point(text, position);
  }
  return last > begin ? last : end;
}

std::array<std::string, 256> make_byte_characters() {
  std::array<std::string, 256> characters;
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    append_utf8(printable ? byte : next++, characters.at(byte));
  }
  return characters;
}

}  // namespace

std::size_t end_of_byte_level_word(std::string_view text, std::size_t begin) {
  if (text[begin] == '\'') {
    const std::size_t contraction = contraction_length(text.substr(begin));
    if (contraction > 0) return begin + contraction;
  }
  std::size_t position = begin;
  if (text[begin] == ' ' && begin + 1 < text.size()) ++position;
  std::size_t next = position;
  const Kind kind = next_kind(text, next);
  return kind == Kind::kSpace ? end_of_space(text, begin) : end_of_run(text, next, kind);
}

std::vector<std::string_view> bpe_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = end_of_byte_level_word(text, begin);
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

const std::array<std::string, 256>& byte_characters() {
  static const std::array<std::string, 256> characters = make_byte_characters();
  return characters;
}

std::optional<std::string> bytes_of_token(std::string_view token) {
  static const std::unordered_map<std::string_view, char> bytes = [] {
    std::unordered_map<std::string_view, char> found;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      found.emplace(byte_characters().at(byte), static_cast<char>(byte));
    }
    return found;
  }();
  std::string result;
  for (std::size_t begin = 0; begin < token.size();) {
    const std::size_t size = character_size(token, begin);
    const auto found = bytes.find(token.substr(begin, size));
    if (found == bytes.end()) return std::nullopt;
    result.push_back(found->second);
    begin += size;
  }
  return result;
}

}  // namespace reaugkd::text
