#include "text/regex_parser.h"

#include <algorithm>

#include "base/error.h"
#include "text/regex_code.h"
#include "text/unicode.h"

namespace reaugkd::text {
namespace {

using Op = Regex::Instruction::Op;
using Item = CharacterSet::Item;
using Code = RegexCode;

constexpr std::uint32_t kMostRepeats = 1000;
constexpr std::size_t kLongestProgram = 20'000;
constexpr int kDeepest = 50;

class Parser {
 public:
  Parser(const std::string& pattern, const std::string& where) : where_(where), text_(pattern) {
    for (std::size_t position = 0; position < pattern.size();) {
      pattern_.push_back(next_code_point(pattern, position));
    }
  }

  RegexProgram program() {
    Code code = alternatives();
    if (!done()) refuse("a ')' without a '('");
    code.push_back({.op = Op::kMatch});
    return {std::move(sets_), std::move(code)};
  }

 private:
  bool done() const { return at_ == pattern_.size(); }
  char32_t peek(std::size_t ahead = 0) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : 0;
  }
  bool take(std::u32string_view expected) {
    if (!std::u32string_view(pattern_).substr(at_).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }
  [[noreturn]] void refuse(const std::string& what) const {
    throw base::ArtifactError(
        "{}: the regular expression \"{}\" is not supported: found {} at character {}", where_,
        text_, what, at_ + 1);
  }

  Code alternatives();
  Code sequence();
  Code quantified();
  Code atom(bool& single);
  Code group();
  Code look_ahead(bool negated);
  Code repeated(const Code& code, bool single, std::uint32_t min, std::uint32_t max,
                bool lazy) const;
  bool quantifier(std::uint32_t& min, std::uint32_t& max);
  bool counts(std::uint32_t& min, std::uint32_t& max);
  std::uint32_t number();
  Item escape();
  Item category(bool negated);
  std::uint32_t character_class();
  std::uint32_t add_set(std::vector<Item> items, bool negated = false);
  Code one_of(std::uint32_t set) { return {{.op = Op::kSet, .set = set}}; }

  std::string where_;
  std::string text_;
  std::u32string pattern_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool ignore_case_ = false;
  std::vector<CharacterSet> sets_;
};

std::uint32_t Parser::add_set(std::vector<Item> items, bool negated) {
  sets_.emplace_back(std::move(items), negated, ignore_case_);
  return static_cast<std::uint32_t>(sets_.size() - 1);
}

Code Parser::alternatives() {
  if (++depth_ > kDeepest) refuse("too many groups within groups");
  Code code = sequence();
  if (take(U"|")) code = either_code(code, alternatives());
  --depth_;
  return code;
}

Code Parser::sequence() {
  Code code;
  while (!done() && peek() != U'|' && peek() != U')') append_code(code, quantified());
  return code;
}

Code Parser::quantified() {
  bool single = false;
  Code code = atom(single);
  std::uint32_t min = 0;
  std::uint32_t max = 0;
  while (quantifier(min, max)) {
    const bool lazy = take(U"?");
    if (!lazy && peek() == U'+') refuse("a possessive quantifier");
    code = repeated(code, single, min, max, lazy);
    single = false;
    if (code.size() > kLongestProgram) refuse("a repetition that is too long");
  }
  return code;
}

bool Parser::quantifier(std::uint32_t& min, std::uint32_t& max) {
  if (take(U"?")) {
    min = 0;
    max = 1;
  } else if (take(U"*")) {
    min = 0;
    max = kNoLimit;
  } else if (take(U"+")) {
    min = 1;
    max = kNoLimit;
  } else {
    return peek() == U'{' && counts(min, max);
  }
  return true;
}

// {m}, {m,} or {m,n}.
bool Parser::counts(std::uint32_t& min, std::uint32_t& max) {
  take(U"{");
  min = number();
  max = min;
  if (take(U",")) max = peek() == U'}' ? kNoLimit : number();
  if (!take(U"}") || max < min) refuse("no {m,n}");
  return true;
}

std::uint32_t Parser::number() {
  std::uint32_t value = 0;
  if (peek() < U'0' || peek() > U'9') refuse("no number");
  while (peek() >= U'0' && peek() <= U'9') {
    value = value * 10 + static_cast<std::uint32_t>(peek() - U'0');
    if (value > kMostRepeats) refuse("a number above 1000");
    ++at_;
  }
  return value;
}

Code Parser::repeated(const Code& code, bool single, std::uint32_t min, std::uint32_t max,
                      bool lazy) const {
  if (single && !lazy) {
    return {{.op = Op::kRun, .set = code.front().set, .min = min, .max = max}};
  }
  const std::size_t times = max == kNoLimit ? std::size_t{min} + 1 : max;
  if (times * (code.size() + 2) > kLongestProgram) refuse("a repetition that is too long");
  return repeated_code(code, min, max, lazy);
}

Code Parser::atom(bool& single) {
  if (peek() == U'(') return group();
  constexpr std::u32string_view kReserved = U"^$*+?{}])";
  single = true;
  if (peek() == U'[') return one_of(character_class());
  if (take(U".")) {
    return one_of(add_set({{.kind = Item::Kind::kRange, .first = U'\n', .last = U'\n'}}, true));
  }
  if (peek() == U'\\') return one_of(add_set({escape()}));
  if (kReserved.find(peek()) != kReserved.npos) {
    refuse(std::string("an unexpected '") + static_cast<char>(peek()) + "'");
  }
  const char32_t letter = peek();
  ++at_;
  return one_of(add_set({{.kind = Item::Kind::kLetter, .first = letter, .last = letter}}));
}

Code Parser::group() {
  if (take(U"(?=")) return look_ahead(false);
  if (take(U"(?!")) return look_ahead(true);
  const bool before = ignore_case_;
  if (take(U"(?i:")) {
    ignore_case_ = true;
  } else if (!take(U"(?:")) {
    take(U"(");  // a group that is captured matches the same
    if (peek() == U'?') refuse("a group of an unknown kind");
  }
  Code code = alternatives();
  if (!take(U")")) refuse("no ')'");
  ignore_case_ = before;
  return code;
}

Code Parser::look_ahead(bool negated) {
  Code inner = alternatives();
  if (!take(U")")) refuse("no ')'");
  inner.push_back({.op = Op::kMatch});
  Code code = {
      {.op = Op::kLook, .negated = negated, .to = static_cast<std::uint32_t>(inner.size() + 1)}};
  append_code(code, inner);
  return code;
}

Item Parser::category(bool negated) {
  const bool braces = take(U"{");
  if (take(U"^")) negated = !negated;
  std::string name;
  for (; !done() && peek() != U'}' && (braces || name.empty()); ++at_) {
    name.push_back(peek() < 0x80 ? static_cast<char>(peek()) : '?');
  }
  if (braces && !take(U"}")) refuse("no '}'");
  const std::uint32_t categories = category_set(name);
  if (categories == 0) refuse("the unknown category \"" + name + "\"");
  return {.kind = Item::Kind::kCategories, .negated = negated, .categories = categories};
}

Item Parser::escape() {
  ++at_;
  if (done()) refuse("a '\\' at the end");
  const char32_t letter = pattern_[at_++];
  const auto letter_of = [](char32_t value) {
    return Item{.kind = Item::Kind::kLetter, .first = value, .last = value};
  };
  switch (letter) {
    case U's':
    case U'S':
      return {.kind = Item::Kind::kSpace, .negated = letter == U'S'};
    case U'w':
    case U'W':
      return {.kind = Item::Kind::kWord, .negated = letter == U'W'};
    case U'd':
    case U'D':
      return {.kind = Item::Kind::kCategories,
              .negated = letter == U'D',
              .categories = category_set("Nd")};
    case U'p':
    case U'P':
      return category(letter == U'P');
    case U'n':
      return letter_of(U'\n');
    case U'r':
      return letter_of(U'\r');
    case U't':
      return letter_of(U'\t');
    case U'f':
      return letter_of(U'\f');
    case U'v':
      return letter_of(U'\v');
    default:
      break;
  }
  const bool word = (letter | 0x20) >= U'a' && (letter | 0x20) <= U'z';
  if (word || (letter >= U'0' && letter <= U'9')) {
    refuse(std::string("\"\\") + static_cast<char>(letter) + "\"");
  }
  return letter_of(letter);
}

std::uint32_t Parser::character_class() {
  take(U"[");
  const bool negated = take(U"^");
  std::vector<Item> items;
  while (peek() != U']') {
    if (done()) refuse("no ']'");
    if (peek() == U'[') refuse("a class within a class");
    if (peek() == U'&' && peek(1) == U'&') refuse("an intersection of classes");
    Item item = {.kind = Item::Kind::kLetter, .first = peek(), .last = peek()};
    if (peek() == U'\\') {
      item = escape();
    } else {
      ++at_;
    }
    if (item.kind == Item::Kind::kLetter && peek() == U'-' && peek(1) != U']') {
      ++at_;
      Item last = {.kind = Item::Kind::kLetter, .first = peek(), .last = peek()};
      if (peek() == U'\\') {
        last = escape();
      } else {
        ++at_;
      }
      if (last.kind != Item::Kind::kLetter || last.first < item.first) refuse("no range");
      item = {.kind = Item::Kind::kRange, .first = item.first, .last = last.first};
    }
    items.push_back(item);
  }
  if (items.empty()) refuse("an empty class");
  take(U"]");
  return add_set(std::move(items), negated);
}

}  // namespace

RegexProgram parse_regex(const std::string& pattern, const std::string& where) {
  return Parser(pattern, where).program();
}

}  // namespace reaugkd::text
