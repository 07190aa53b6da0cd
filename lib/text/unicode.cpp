#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

namespace reaugkd::text {
namespace {

constexpr char32_t kDottedCapitalI = 0x130;

// The code point's length in bytes, or a negative number where the bytes are not UTF-8.
utf8proc_ssize_t decode(std::string_view text, std::size_t position, utf8proc_int32_t& code_point) {
  return utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + position,
                          static_cast<utf8proc_ssize_t>(text.size() - position), &code_point);
}

utf8proc_category_t category(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

struct Range {
  char32_t first;
  char32_t last;
};

// "CJK Unified Ideographs", its extensions A to E, and the two compatibility blocks.
constexpr std::array<Range, 8> kChinese = {{{0x4E00, 0x9FFF},
                                            {0x3400, 0x4DBF},
                                            {0x20000, 0x2A6DF},
                                            {0x2A700, 0x2B73F},
                                            {0x2B740, 0x2B81F},
                                            {0x2B820, 0x2CEAF},
                                            {0xF900, 0xFAFF},
                                            {0x2F800, 0x2FA1F}}};

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& position) {
  const auto byte = static_cast<unsigned char>(text[position]);
  if (byte < 0x80) {
    ++position;
    return byte;
  }
  utf8proc_int32_t code_point = 0;
  const utf8proc_ssize_t size = decode(text, position, code_point);
  if (size <= 0) {
    ++position;
    return kReplacementCharacter;
  }
  position += static_cast<std::size_t>(size);
  return static_cast<char32_t>(code_point);
}

bool valid_utf8(std::string_view text) {
  for (std::size_t position = 0; position < text.size();) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t size = decode(text, position, code_point);
    if (size <= 0) {
      return false;
    }
    position += static_cast<std::size_t>(size);
  }
  return true;
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
  append_decomposed(code_point, UTF8PROC_DECOMPOSE, text,
                    [](char32_t part) { return category(part) == UTF8PROC_CATEGORY_MN; });
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
  return kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CF ||
         kind == UTF8PROC_CATEGORY_CO;
}

bool is_punctuation(char32_t code_point) {
  if (code_point < 0x80) {
    const bool letter = (code_point | 0x20) >= 'a' && (code_point | 0x20) <= 'z';
    const bool digit = code_point >= '0' && code_point <= '9';
    return code_point > ' ' && code_point < 0x7F && !letter && !digit;
  }
  const utf8proc_category_t kind = category(code_point);
  return kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO;  // PC PD PS PE PI PF PO
}

bool is_chinese(char32_t code_point) {
  return std::any_of(kChinese.begin(), kChinese.end(), [code_point](const Range& range) {
    return code_point >= range.first && code_point <= range.last;
  });
}

bool is_letter(char32_t code_point) {
  const utf8proc_category_t kind = category(code_point);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;  // LU LL LT LM LO
}

bool is_number(char32_t code_point) {
  const utf8proc_category_t kind = category(code_point);
  return kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO;  // ND NL NO
}

bool is_white_space_property(char32_t code_point) {
  return is_whitespace(code_point) || code_point == 0x0B || code_point == 0x0C ||
         code_point == 0x85;
}

}  // namespace reaugkd::text
