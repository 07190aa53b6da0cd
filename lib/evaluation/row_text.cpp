#include "evaluation/row_text.h"

namespace reaugkd::evaluation {

std::string on_one_line(std::string text) {
  constexpr std::size_t kMost = 300;
  for (char& c : text) {
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
  }
  if (text.size() <= kMost) return text;
  std::size_t end = kMost;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // within a character
  return text.substr(0, end) + " ...";
}

std::string row_text(const base::TextColumn& text_a, const base::TextColumn& text_b,
                     std::int64_t row) {
  if (text_a.empty()) return "(exported without its text)";
  const auto i = static_cast<std::size_t>(row);
  std::string text(text_a[i]);
  if (!text_b.empty()) text.append(" || ").append(text_b[i]);
  return on_one_line(std::move(text));
}

}  // namespace reaugkd::evaluation
