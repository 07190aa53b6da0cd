#include "base/names.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <numeric>
#include <tuple>
#include <utility>

namespace reaugkd::base {
namespace {

constexpr std::size_t kLine = 100;            // characters of a list of names
constexpr std::size_t kComparedLetters = 64;  // of a word: those behind them say nothing more

/// In lower case, with '-' for '_' and without leading dashes.
std::string plain(const std::string& word) {
  std::string result = word.substr(std::min(word.find_first_not_of('-'), word.size()));
  result.resize(std::min(result.size(), kComparedLetters));
  for (char& c : result) {
    c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

std::vector<std::string> words_of(const std::string& name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    if (c == '-' || c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

std::string initials(const std::vector<std::string>& words) {
  std::string letters;
  for (const auto& word : words) letters += word.substr(0, 1);
  return words.size() > 1 ? letters : "";
}

/// How many letters to insert, drop, replace or swap with the next one (Damerau's distance).
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);  // of the first i letters of a
  std::iota(row.begin(), row.end(), std::size_t{0});
  std::vector<std::size_t> before;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    const auto before_that = std::exchange(before, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = a[i - 1] == b[j - 1];
      row[j] = std::min({row[j - 1] + 1, before[j] + 1, before[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_that[j - 2] + 1);
      }
    }
  }
  return row.back();
}

/// The same word, or "epoch" and "epochs".
bool alike(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const bool long_enough = std::min(a.size(), b.size()) > 3;
  return long_enough && (a.starts_with(b) || b.starts_with(a) || distance(a, b) == 1);
}

std::int64_t words_in_common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::count_if(a.begin(), a.end(), [&](const std::string& word) {
    return std::any_of(b.begin(), b.end(), [&](const auto& other) { return alike(word, other); });
  });
}

/// The smaller, the likelier: kind of likeness, words not in common, letters that differ.
std::tuple<int, std::int64_t, std::size_t> unlikeness(const std::string& word,
                                                      const std::string& name) {
  const std::string a = plain(word);
  const std::string b = plain(name);
  const std::size_t letters = distance(a, b);
  if (a == b) return {0, 0, 0};
  if (a == initials(words_of(b))) return {1, 0, letters};
  if (letters <= std::max<std::size_t>(1, std::min(a.size(), b.size()) / 3)) return {2, 0, letters};
  const auto words = words_of(b);
  const std::int64_t common = words_in_common(words_of(a), words);
  return {3, static_cast<std::int64_t>(words.size()) - 3 * common, letters};
}

}  // namespace

std::string nearest_name(const std::string& word, const std::vector<std::string>& names) {
  const auto found = std::min_element(
      names.begin(), names.end(),
      [&](const auto& a, const auto& b) { return unlikeness(word, a) < unlikeness(word, b); });
  return found == names.end() ? "" : *found;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& names) {
  return names.empty() ? "" : fmt::format(": did you mean {}?", nearest_name(word, names));
}

std::string few_names(const std::vector<std::string>& names) {
  std::string line;
  std::size_t shown = 0;
  for (const auto& name : names) {
    if (shown > 0 && line.size() + name.size() + 2 > kLine) break;
    line += (shown++ == 0 ? "" : ", ") + shortened(name);
  }
  if (shown < names.size()) line += fmt::format(", ... ({} in all)", names.size());
  return line;
}

std::string shortened(const std::string& text) {
  if (text.size() <= kLine) return text;
  std::size_t end = kLine;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

}  // namespace reaugkd::base
