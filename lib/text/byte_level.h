// GPT-2's way of seeing a text (Radford et al. 2019): words by a regular expression, and bytes that
// the vocabulary writes as visible characters.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reaugkd::text {

/// The end of the word that begins at `begin`, which is below text.size(), by
/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+.
std::size_t end_of_byte_level_word(std::string_view text, std::size_t begin);

/// The words in order; together they are the text.
std::vector<std::string_view> bpe_words(std::string_view text);

/// GPT-2's visible character for each byte, as UTF-8: itself where it is printable Latin-1, else
/// U+0100 and on.
const std::array<std::string, 256>& byte_characters();

/// The bytes that a token of the vocabulary stands for; nothing where it has a character that
/// stands for no byte.
std::optional<std::string> bytes_of_token(std::string_view token);

}  // namespace reaugkd::text
