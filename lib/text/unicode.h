// Unicode as the tokenizers see it: decoding, lower-casing, accent stripping, BERT's own character
// classes and GPT-2's, over utf8proc. Used by the tokenizers and by lib/data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace reaugkd::text {

/// Whether the bytes are well-formed UTF-8 (no overlong forms, no surrogates).
bool valid_utf8(std::string_view text);

/// Lower-cases code point by code point: no rule looks at the neighbors, so a Greek capital sigma
/// at the end of a word becomes the same letter as elsewhere. Invalid bytes become U+FFFD.
std::string lower_case(std::string_view utf8);

/// What decoding gives for bytes that are not UTF-8.
inline constexpr char32_t kReplacementCharacter = 0xFFFD;

/// Decodes the code point at `position` and moves past it; an invalid byte gives U+FFFD and is
/// skipped alone. `position` must be below text.size().
char32_t next_code_point(std::string_view text, std::size_t& position);

/// Whether the byte begins a code point: it is no continuation byte.
inline bool starts_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

/// Whether every byte is ASCII.
bool is_ascii(std::string_view text);

/// How many bytes the code point at `position` takes: 1 for a byte that is not UTF-8.
std::size_t character_size(std::string_view text, std::size_t position);

/// Appends the code point's UTF-8 bytes.
void append_utf8(char32_t code_point, std::string& text);

/// Appends the lower-case form: one code point, but i and U+0307 for U+0130 (dotted capital I).
void append_lower_case(char32_t code_point, std::string& text);

/// Appends the code point's canonical decomposition (NFD) without its non-spacing marks (Mn).
void append_without_accents(char32_t code_point, std::string& text);

/// Appends its compatibility decomposition (NFKD) without combining marks (of a class other than
/// 0), as ALBERT has it.
void append_compatible_without_accents(char32_t code_point, std::string& text);

// BERT's classes. Tab, line feed and carriage return are white space, not control characters.
bool is_whitespace(char32_t code_point);
/// Categories Cc, Cf and Co. Unassigned code points (Cn) are not: which they are depends on the
/// Unicode version of the library.
bool is_control(char32_t code_point);
/// ASCII that is neither letter, digit, space nor control ('$', '^' and '~' too), and Unicode's P*.
bool is_punctuation(char32_t code_point);
/// The blocks of Chinese characters that BERT splits one by one (not kana, not Hangul).
bool is_chinese(char32_t code_point);

// The classes of GPT-2's pre-tokenisation, which are Unicode's own.
/// \p{L}
bool is_letter(char32_t code_point);
/// \p{N}
bool is_number(char32_t code_point);
/// \s: the property White_Space, wider than is_whitespace.
bool is_white_space_property(char32_t code_point);

// Categories by which other tokenizers split and filter.
/// M: Mn, Mc and Me.
bool is_mark(char32_t code_point);
/// Mn.
bool is_nonspacing_mark(char32_t code_point);
/// \p{name}, of one or two letters like "L" or "Lu", as a set for in_categories: 0 for a name that
/// does not exist.
std::uint32_t category_set(std::string_view name);
bool in_categories(char32_t code_point, std::uint32_t set);
/// \w: letters, marks, decimal and letter numbers, connecting punctuation, ZWJ and ZWNJ, and the
/// circled and squared letters.
bool is_word_character(char32_t code_point);
/// As regular expressions ignore case: the lower-case letter, and s for the long s (U+017F).
char32_t folded(char32_t code_point);

}  // namespace reaugkd::text
