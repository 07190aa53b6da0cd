#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "text/unicode_versions.h"

namespace reaugkd::text {
namespace {

constexpr char32_t kDottedCapitalI = 0x130;

// The code point's length in bytes, or 0 where the bytes are not UTF-8. As utf8proc_iterate, whose
// call costs more than the decoding.
std::size_t decode(std::string_view text, std::size_t position, char32_t& code_point) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data()) + position;
  const std::size_t left = text.size() - position;
  const auto follows = [&](std::size_t i) { return i < left && (bytes[i] & 0xC0) == 0x80; };
  const char32_t first = bytes[0];
  if (first < 0x80) {
    code_point = first;
    return 1;
  }
  if (first < 0xC2 || first > 0xF4 || !follows(1)) return 0;
  const char32_t second = bytes[1] & 0x3FU;
  if (first < 0xE0) {
    code_point = (first & 0x1FU) << 6 | second;
    return 2;
  }
  if (!follows(2)) return 0;
  const char32_t third = bytes[2] & 0x3FU;
  if (first < 0xF0) {
    code_point = (first & 0x0FU) << 12 | second << 6 | third;
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    return code_point < 0x800 || surrogate ? 0 : 3;
  }
  if (!follows(3)) return 0;
  code_point = (first & 0x07U) << 18 | second << 12 | third << 6 | (bytes[3] & 0x3FU);
  return code_point < 0x10000 || code_point > 0x10FFFF ? 0 : 4;
}

utf8proc_category_t category(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

// "CJK Unified Ideographs", its extensions A to E, and the two compatibility blocks. Of extension E
// the library leaves out the first 256 (from U+2B820), hence so do we.
constexpr std::array<CodePointRange, 8> kChinese = {{{0x4E00, 0x9FFF},
                                                     {0x3400, 0x4DBF},
                                                     {0x20000, 0x2A6DF},
                                                     {0x2A700, 0x2B73F},
                                                     {0x2B740, 0x2B81F},
                                                     {0x2B920, 0x2CEAF},
                                                     {0xF900, 0xFAFF},
                                                     {0x2F800, 0x2FA1F}}};

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& position) {
  const auto byte = static_cast<unsigned char>(text[position]);
  if (byte < 0x80) {
    ++position;
    return byte;
  }
  char32_t code_point = 0;
  const std::size_t size = decode(text, position, code_point);
  if (size == 0) {
    ++position;
    return kReplacementCharacter;
  }
  position += size;
  return code_point;
}

bool valid_utf8(std::string_view text) {
  for (std::size_t position = 0; position < text.size();) {
    char32_t code_point = 0;
    const std::size_t size = decode(text, position, code_point);
    if (size == 0) {
      return false;
    }
    position += size;
  }
  return true;
}

bool is_ascii(std::string_view text) {
  std::uint64_t word = 0;
  std::uint64_t seen = 0;
  for (; text.size() >= sizeof(word); text.remove_prefix(sizeof(word))) {
    std::memcpy(&word, text.data(), sizeof(word));
    seen |= word;
  }
  for (const char byte : text) seen |= static_cast<unsigned char>(byte);
  return (seen & 0x8080808080808080ULL) == 0;
}

std::size_t character_size(std::string_view text, std::size_t position) {
  std::size_t next = position;
  next_code_point(text, next);
  return next - position;
}

void append_utf8(char32_t code_point, std::string& text) {
  if (code_point < 0x80) {
    text.push_back(static_cast<char>(code_point));
    return;
  }
  std::array<utf8proc_uint8_t, 4> bytes{};
  const utf8proc_ssize_t size =
      utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes.data());
  text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size));
}

void append_lower_case(char32_t code_point, std::string& text) {
  if (code_point == kDottedCapitalI) {
    text += "i\xCC\x87";
    return;
  }
  append_utf8(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))),
              text);
}

std::string lower_case(std::string_view utf8) {
  std::string result;
  result.reserve(utf8.size());
  for (std::size_t position = 0; position < utf8.size();) {
    append_lower_case(next_code_point(utf8, position), result);
  }
  return result;
}

namespace {

template <typename IsMark>
void append_decomposed(char32_t code_point, utf8proc_option_t how, std::string& text,
                       const IsMark& is_mark) {
  std::array<utf8proc_int32_t, 32> parts{};  // the longest decomposition has 18
  int boundary = 0;
  const utf8proc_ssize_t count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code_point), parts.data(),
                              static_cast<utf8proc_ssize_t>(parts.size()), how, &boundary);
  if (count < 0 || count > static_cast<utf8proc_ssize_t>(parts.size())) {
    append_utf8(code_point, text);  // not assigned: it stands for itself
    return;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const auto part = static_cast<char32_t>(parts.at(i));
    if (!is_mark(part)) append_utf8(part, text);
  }
}

}  // namespace

void append_without_accents(char32_t code_point, std::string& text) {
  append_decomposed(code_point, UTF8PROC_DECOMPOSE, text, is_nonspacing_mark);
}

void append_compatible_without_accents(char32_t code_point, std::string& text) {
  append_decomposed(
      code_point, static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT), text,
      [](char32_t part) {
        return utf8proc_get_property(static_cast<utf8proc_int32_t>(part))->combining_class != 0;
      });
}

bool is_whitespace(char32_t code_point) {
  if (code_point < 0x80) {
    return code_point == ' ' || code_point == '\t' || code_point == '\n' || code_point == '\r';
  }
  const utf8proc_category_t kind = category(code_point);
  return kind == UTF8PROC_CATEGORY_ZS || kind == UTF8PROC_CATEGORY_ZL ||
         kind == UTF8PROC_CATEGORY_ZP;
}

bool is_control(char32_t code_point) {
  if (code_point < 0x80) {
    return (code_point < 0x20 && !is_whitespace(code_point)) || code_point == 0x7F;
  }
  const utf8proc_category_t kind = category(code_point);
  return kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CO ||
         (kind == UTF8PROC_CATEGORY_CF && !in_ranges(kNotControl, code_point));
}

bool is_punctuation(char32_t code_point) {
  if (code_point < 0x80) {
    const bool letter = (code_point | 0x20) >= 'a' && (code_point | 0x20) <= 'z';
    const bool digit = code_point >= '0' && code_point <= '9';
    return code_point > ' ' && code_point < 0x7F && !letter && !digit;
  }
  const utf8proc_category_t kind = category(code_point);
  if (kind < UTF8PROC_CATEGORY_PC || kind > UTF8PROC_CATEGORY_PO) {  // PC PD PS PE PI PF PO
    return in_ranges(kPunctuationToo, code_point);
  }
  return !in_ranges(kNotPunctuation, code_point);
}

bool is_chinese(char32_t code_point) {
  return std::any_of(kChinese.begin(), kChinese.end(), [code_point](const CodePointRange& range) {
    return code_point >= range.first && code_point <= range.last;
  });
}

bool is_letter(char32_t code_point) {
  const utf8proc_category_t kind = category(code_point);
  if (kind == UTF8PROC_CATEGORY_CN) return in_ranges(kLetterToo, code_point);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;  // LU LL LT LM LO
}

bool is_number(char32_t code_point) {
  const utf8proc_category_t kind = category(code_point);
  if (kind == UTF8PROC_CATEGORY_CN) return in_ranges(kNumberToo, code_point);
  return kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO;  // ND NL NO
}

bool is_white_space_property(char32_t code_point) {
  return is_whitespace(code_point) || code_point == 0x0B || code_point == 0x0C ||
         code_point == 0x85;
}

bool is_mark(char32_t code_point) {
  const utf8proc_category_t kind = category(code_point);
  if (kind < UTF8PROC_CATEGORY_MN || kind > UTF8PROC_CATEGORY_ME) {  // MN MC ME
    return in_ranges(kMarkToo, code_point);
  }
  return !in_ranges(kNotMark, code_point);
}

bool is_nonspacing_mark(char32_t code_point) {
  if (category(code_point) != UTF8PROC_CATEGORY_MN) return in_ranges(kNonspacingToo, code_point);
  return !in_ranges(kNotNonspacing, code_point);
}

std::uint32_t category_set(std::string_view name) {
  constexpr std::array<std::string_view, 30> kNames = {
      "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps",
      "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"};
  std::uint32_t set = 0;
  for (std::size_t i = 0; i < kNames.size() && !name.empty(); ++i) {
    if (kNames.at(i).starts_with(name)) set |= 1U << i;
  }
  return set;
}

bool in_categories(char32_t code_point, std::uint32_t set) {
  const utf8proc_category_t kind = category(code_point);
  if (kind != UTF8PROC_CATEGORY_CN) return (set >> kind & 1) != 0;
  const bool letter = in_ranges(kLetterToo, code_point);
  const bool number = in_ranges(kNumberToo, code_point);
  const auto one_of = [set](utf8proc_category_t known) { return (set >> known & 1) != 0; };
  return (letter && one_of(UTF8PROC_CATEGORY_LO)) || (number && one_of(UTF8PROC_CATEGORY_ND)) ||
         (!letter && !number && one_of(UTF8PROC_CATEGORY_CN));
}

bool is_word_character(char32_t code_point) {
  const utf8proc_category_t kind = category(code_point);
  if (kind == UTF8PROC_CATEGORY_CN) return in_ranges(kWordToo, code_point);
  const bool mark = kind >= UTF8PROC_CATEGORY_MN && kind <= UTF8PROC_CATEGORY_ME;
  if (mark || is_letter(code_point)) return true;
  const bool number = kind == UTF8PROC_CATEGORY_ND || kind == UTF8PROC_CATEGORY_NL;
  constexpr std::array<CodePointRange, 5> kOthers = {{{0x200C, 0x200D},
                                                      {0x24B6, 0x24E9},
                                                      {0x1F130, 0x1F149},
                                                      {0x1F150, 0x1F169},
                                                      {0x1F170, 0x1F189}}};
  return number || kind == UTF8PROC_CATEGORY_PC ||
         std::ranges::any_of(kOthers, [code_point](const CodePointRange& range) {
           return code_point >= range.first && code_point <= range.last;
         });
}

char32_t folded(char32_t code_point) {
  constexpr char32_t kLongS = 0x17F;
  if (code_point == kLongS) return U's';
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point)));
}

}  // namespace reaugkd::text
