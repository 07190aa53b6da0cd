#include "text/charsmap.h"

#include <cstring>

#include "base/error.h"
#include "text/normal_form.h"
#include "text/unicode.h"

namespace reaugkd::text {
namespace {

// A unit of Darts-clone's double array.
bool has_leaf(std::uint32_t unit) {
  return (unit >> 8 & 1) != 0;
}
std::uint32_t value_of(std::uint32_t unit) {
  return unit & 0x7FFFFFFF;
}
std::uint32_t label_of(std::uint32_t unit) {
  return unit & 0x800000FF;
}
std::uint32_t offset_of(std::uint32_t unit) {
  return (unit >> 10) << ((unit & 0x200) >> 6);
}

/// 0 to 63, or -1 for what is no digit of base64.
int base64_digit(char character) {
  if (character >= 'A' && character <= 'Z') return character - 'A';
  if (character >= 'a' && character <= 'z') return character - 'a' + 26;
  if (character >= '0' && character <= '9') return character - '0' + 52;
  if (character == '+') return 62;
  return character == '/' ? 63 : -1;
}

}  // namespace

std::string from_base64(std::string_view text, const std::string& where) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  int num_bits = 0;
  for (const char character : text) {
    const int digit = base64_digit(character);
    if (digit < 0) {
      throw base::ArtifactError("{}: is no base64 text ({} characters)", where, text.size());
    }
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    num_bits += 6;
    if (num_bits >= 8) {
      num_bits -= 8;
      bytes.push_back(static_cast<char>(bits >> num_bits & 0xFF));
    }
  }
  return bytes;
}

Charsmap::Charsmap(const std::string& bytes, const std::string& where) {
  std::uint32_t size = 0;
  if (bytes.size() >= sizeof(size)) std::memcpy(&size, bytes.data(), sizeof(size));
  if (size == 0 || size % sizeof(std::uint32_t) != 0 || size > bytes.size() - sizeof(size)) {
    throw base::ArtifactError("{}: is no table of replacements ({} bytes): copy the file again",
                              where, bytes.size());
  }
  units_.resize(size / sizeof(std::uint32_t));
  std::memcpy(units_.data(), bytes.data() + sizeof(size), size);
  replacements_ = bytes.substr(sizeof(size) + size);
  replacements_.push_back('\0');
}

// That of the shortest entry that `part` begins with, for all of `part`: so the library does it.
std::optional<std::string_view> Charsmap::replacement(std::string_view part) const {
  std::size_t node = offset_of(units_[0]);
  for (const char character : part) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte == 0) break;
    node ^= byte;
    if (node >= units_.size() || label_of(units_[node]) != byte) break;
    const std::uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size() || value_of(units_[node]) >= replacements_.size()) break;
    return std::string_view(replacements_.c_str() + value_of(units_[node]));
  }
  return std::nullopt;
}

void Charsmap::append_grapheme(std::string_view grapheme, std::string& result) const {
  constexpr std::size_t kLongest = 5;  // a longer cluster is taken apart
  if (grapheme.size() <= kLongest) {
    if (const auto found = replacement(grapheme)) {
      result += *found;
      return;
    }
  }
  for (std::size_t begin = 0; begin < grapheme.size();) {
    const auto part = grapheme.substr(begin, character_size(grapheme, begin));
    const auto found = replacement(part);
    result += found ? *found : part;
    begin += part.size();
  }
}

std::string Charsmap::apply(std::string text) const {
  std::string result;
  result.reserve(text.size() + text.size() / 8);
  const auto is_printable = [&](std::size_t i) { return text[i] >= ' ' && text[i] <= '~'; };
  for (std::size_t begin = 0; begin < text.size();) {
    // Between printable ASCII and ASCII there is always a break.
    const bool alone = is_printable(begin) && (begin + 1 == text.size() || is_printable(begin + 1));
    const std::size_t end = alone ? begin + 1 : end_of_grapheme(text, begin);
    append_grapheme(std::string_view(text).substr(begin, end - begin), result);
    begin = end;
  }
  return result;
}

}  // namespace reaugkd::text
