// The regular expressions of published tokenizers: a small backtracking matcher over code points
// with Unicode's classes. What it cannot read is an error when the tokenizer is loaded.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reaugkd::text {

/// A class of code points: [...], \s, \p{L}, '.' or one letter.
class CharacterSet {
 public:
  struct Item {
    enum class Kind : std::uint8_t {
      kRange,
      kCategories,
      kSpace,
      kWord,
      kLetter
    } kind = Kind::kLetter;
    bool negated = false;
    char32_t first = 0;
    char32_t last = 0;
    std::uint32_t categories = 0;
  };

  CharacterSet(std::vector<Item> items, bool negated, bool ignore_case);

  bool contains(char32_t code_point) const {
    return code_point < 128 ? ascii_[code_point] : contains_slowly(code_point);
  }

 private:
  bool contains_slowly(char32_t code_point) const;

  std::vector<Item> items_;
  bool negated_;
  bool ignore_case_;
  std::bitset<128> ascii_;
};

/// Literals, classes, groups (?:...) and (?i:...), |, the greedy and lazy quantifiers ? * + {m,n},
/// lookahead (?=...) and (?!...). As in Oniguruma, \s, \d and \w are Unicode's.
class Regex {
 public:
  struct Instruction {
    enum class Op : std::uint8_t { kSet, kRun, kSplit, kJump, kLook, kMatch } op = Op::kMatch;
    bool negated = false;     // of kLook
    std::uint32_t set = 0;    // of kSet and kRun
    std::uint32_t to = 0;     // kSplit: tried first; kJump; kLook: where it goes on
    std::uint32_t other = 0;  // kSplit: tried next
    std::uint32_t min = 0;    // of kRun: as many of the set as there are
    std::uint32_t max = 0;
  };

  /// Throws ArtifactError naming `where` and what it cannot read.
  Regex(const std::string& pattern, const std::string& where);
  /// Exactly `text`.
  static Regex of_literal(const std::string& text, const std::string& where);

  /// The end of the match that begins at `begin`, the one that a backtracking matcher finds first.
  /// Throws ArtifactError on a pattern that would take forever on this text.
  std::optional<std::size_t> match_at(std::string_view text, std::size_t begin) const;

  struct Match {
    std::size_t begin;
    std::size_t end;
  };
  /// The first match at `from` or behind it that is not empty.
  std::optional<Match> search(std::string_view text, std::size_t from) const;

 private:
  struct Run;

  std::optional<std::size_t> run(std::uint32_t start, Run& run, std::size_t begin) const;
  void find_first_bytes();

  std::vector<CharacterSet> sets_;
  std::vector<Instruction> program_;
  std::bitset<256> first_bytes_;  // what a match can begin with
  std::string pattern_;
  std::string where_;
  std::string literal_;  // of of_literal: searched for as it is
};

}  // namespace reaugkd::text
