#include "evaluation/screen_lines.h"

#include <algorithm>
#include <array>

namespace reaugkd::evaluation {
namespace {

/// Code points that take up two columns, as wcwidth has them, but for a few.
bool is_wide(char32_t c) {
  constexpr std::array<std::pair<char32_t, char32_t>, 8> kWide = {{{0x1100, 0x115F},
                                                                   {0x2E80, 0xA4CF},
                                                                   {0xAC00, 0xD7A3},
                                                                   {0xF900, 0xFAFF},
                                                                   {0xFE30, 0xFE6F},
                                                                   {0xFF00, 0xFF60},
                                                                   {0x1F300, 0x1FAFF},
                                                                   {0x20000, 0x3FFFD}}};
  return std::ranges::any_of(
      kWide, [&](const auto& range) { return c >= range.first && c <= range.second; });
}

/// Bytes of the character that begins with `first`; a stray byte is one.
std::size_t bytes_of(unsigned char first) {
  if (first >= 0xF0) return 4;
  if (first >= 0xE0) return 3;
  return first >= 0xC0 ? 2 : 1;
}

char32_t code_point(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first;
  char32_t value = first & (0xFFU >> (character.size() + 1));
  for (const char c : character.substr(1)) {
    value = (value << 6U) | (static_cast<unsigned char>(c) & 0x3FU);
  }
  return value;
}

/// Calls visit(end, columns) for each character: where it ends and what it takes up.
template <typename Visit>
void each_character(std::string_view text, const Visit& visit) {
  for (std::size_t begin = 0; begin < text.size();) {
    const auto character = text.substr(begin, bytes_of(static_cast<unsigned char>(text[begin])));
    begin += character.size();
    visit(begin, is_wide(code_point(character)) ? std::size_t{2} : std::size_t{1});
  }
}

/// `pieces` behind `lead`, `glue` between them, in lines.
std::string broken(const std::string& lead, const std::vector<std::string>& pieces,
                   std::string_view glue) {
  const std::string indent = "\n    ";
  std::string text = lead;
  std::size_t used = columns_of(lead);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const bool last = i + 1 == pieces.size();
    const std::string piece = pieces[i] + std::string(last ? "" : glue);
    const std::size_t wanted = columns_of(piece);
    if (i > 0 && used + 1 + wanted > kScreenColumns) {
      text += indent;
      used = indent.size() - 1;
    } else if (i > 0) {
      text += " ";
      ++used;
    }
    text += piece;
    used += wanted;
  }
  return text + "\n";
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  each_character(text, [&](std::size_t, std::size_t width) { columns += width; });
  return columns;
}

std::string shortened(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  constexpr std::string_view kMore = "...";
  if (columns <= kMore.size()) return std::string(kMore.substr(0, columns));
  std::size_t used = 0;
  std::size_t end = 0;
  each_character(text, [&](std::size_t its_end, std::size_t width) {
    used += width;
    if (used + kMore.size() <= columns) end = its_end;
  });
  return std::string(text.substr(0, end)) + std::string(kMore);
}

std::string padded(std::string text, std::size_t columns) {
  const std::size_t used = columns_of(text);
  if (used < columns) text.append(columns - used, ' ');
  return text;
}

std::string parts_lines(const std::string& lead, const std::vector<std::string>& parts) {
  return broken(lead, parts, ",");
}

std::string words_lines(const std::string& lead, const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    if (end > begin) words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return broken(lead, words, "");
}

std::int64_t count_lines(std::string_view text) {
  return std::ranges::count(text, '\n');
}

}  // namespace reaugkd::evaluation
