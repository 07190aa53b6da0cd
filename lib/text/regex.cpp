#include "text/regex.h"

#include <algorithm>

#include "base/error.h"
#include "text/regex_parser.h"
#include "text/unicode.h"

namespace reaugkd::text {
namespace {

using Op = Regex::Instruction::Op;

bool is_in(const CharacterSet::Item& item, char32_t code_point) {
  using Kind = CharacterSet::Item::Kind;
  switch (item.kind) {
    case Kind::kCategories:
      return in_categories(code_point, item.categories) != item.negated;
    case Kind::kSpace:
      return is_white_space_property(code_point) != item.negated;
    case Kind::kWord:
      return is_word_character(code_point) != item.negated;
    case Kind::kRange:
    case Kind::kLetter:
      break;
  }
  return code_point >= item.first && code_point <= item.last;
}

bool is_in_folded(const CharacterSet::Item& item, char32_t code_point) {
  using Kind = CharacterSet::Item::Kind;
  const char32_t letter = folded(code_point);
  if (item.kind == Kind::kLetter) return letter == folded(item.first);
  if (item.kind != Kind::kRange) return is_in(item, code_point);
  const bool upper = letter >= U'a' && letter <= U'z' && is_in(item, letter - U'a' + U'A');
  return is_in(item, code_point) || is_in(item, letter) || upper;
}

std::size_t start_before(std::string_view text, std::size_t position) {
  const std::size_t end = position;
  do {
    --position;
  } while (position > 0 && end - position < 4 && !starts_character(text[position]));
  // Bytes that are not UTF-8 are characters of their own.
  return position + character_size(text, position) == end ? position : end - 1;
}

}  // namespace

CharacterSet::CharacterSet(std::vector<Item> items, bool negated, bool ignore_case)
    : items_(std::move(items)), negated_(negated), ignore_case_(ignore_case) {
  for (char32_t code_point = 0; code_point < 128; ++code_point) {
    ascii_[code_point] = contains_slowly(code_point);
  }
}

bool CharacterSet::contains_slowly(char32_t code_point) const {
  const bool found = std::ranges::any_of(items_, [&](const Item& item) {
    return ignore_case_ ? is_in_folded(item, code_point) : is_in(item, code_point);
  });
  return found != negated_;
}

// One search of a text: where to go on if the way tried fails, and how much may still be tried.
struct Regex::Run {
  struct Choice {
    std::uint32_t instruction;
    std::size_t position;
    std::size_t lowest;  // of a kRun: it may give characters back down to here
  };
  std::string_view text;
  std::vector<Choice> choices;
  std::size_t steps_left;

  explicit Run(std::string_view searched)
      : text(searched), steps_left(1000 * (searched.size() + 1000)) {}

  bool take_one(const CharacterSet& set, std::size_t& position) const {
    std::size_t next = position;
    if (position == text.size() || !set.contains(next_code_point(text, next))) return false;
    position = next;
    return true;
  }

  /// As many as there are; `next` is where the program goes on, also after giving some back.
  bool take_many(const CharacterSet& set, const Instruction& instruction, std::uint32_t next,
                 std::size_t& position) {
    std::size_t lowest = position;
    std::uint32_t count = 0;
    while (count < instruction.max && take_one(set, position)) {
      if (++count <= instruction.min) lowest = position;
    }
    if (count < instruction.min) return false;
    if (position > lowest) choices.push_back({next, position, lowest});
    return true;
  }

  /// Goes to the last choice above `bottom`; false where there is none.
  bool go_back(std::size_t bottom, std::uint32_t& at, std::size_t& position) {
    if (choices.size() == bottom) return false;
    Choice& choice = choices.back();
    if (choice.position > choice.lowest) choice.position = start_before(text, choice.position);
    at = choice.instruction;
    position = choice.position;
    if (choice.position <= choice.lowest) choices.pop_back();
    return true;
  }
};

Regex::Regex(const std::string& pattern, const std::string& where)
    : pattern_(pattern), where_(where) {
  RegexProgram program = parse_regex(pattern, where);
  sets_ = std::move(program.sets);
  program_ = std::move(program.instructions);
  find_first_bytes();
}

Regex Regex::of_literal(const std::string& text, const std::string& where) {
  std::string escaped;
  for (const char byte : text) {
    constexpr std::string_view kReserved = "\\^$.|?*+()[]{}";
    if (kReserved.find(byte) != kReserved.npos) escaped.push_back('\\');
    escaped.push_back(byte);
  }
  Regex regex(escaped, where);
  regex.literal_ = text;
  return regex;
}

// What is not ASCII may always begin a match.
void Regex::find_first_bytes() {
  std::vector<std::uint32_t> open = {0};
  std::vector<bool> seen(program_.size());
  std::bitset<256> bytes;
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    if (seen[at]) continue;
    seen[at] = true;
    const Instruction& instruction = program_[at];
    switch (instruction.op) {
      case Op::kRun:
        if (instruction.min == 0) open.push_back(at + 1);
        [[fallthrough]];
      case Op::kSet:
        for (std::size_t byte = 0; byte < 256; ++byte) {
          if (byte >= 128 || sets_[instruction.set].contains(static_cast<char32_t>(byte))) {
            bytes.set(byte);
          }
        }
        break;
      case Op::kSplit:
        open.push_back(instruction.other);
        [[fallthrough]];
      case Op::kJump:
      case Op::kLook:
        open.push_back(instruction.to);
        break;
      case Op::kMatch:
        break;  // only of the empty text
    }
  }
  first_bytes_ = bytes;
}

std::optional<std::size_t> Regex::match_at(std::string_view text, std::size_t begin) const {
  Run one(text);
  return run(0, one, begin);
}

std::optional<Regex::Match> Regex::search(std::string_view text, std::size_t from) const {
  if (!literal_.empty()) {
    const std::size_t begin = text.find(literal_, from);
    if (begin == text.npos) return std::nullopt;
    return Match{begin, begin + literal_.size()};
  }
  Run one(text);
  for (std::size_t begin = from; begin < text.size();) {
    if (first_bytes_[static_cast<unsigned char>(text[begin])]) {
      const auto end = run(0, one, begin);
      if (end && *end > begin) return Match{begin, *end};
    }
    begin += character_size(text, begin);
  }
  return std::nullopt;
}

std::optional<std::size_t> Regex::run(std::uint32_t start, Run& run, std::size_t begin) const {
  const std::size_t bottom = run.choices.size();
  std::uint32_t at = start;
  std::size_t position = begin;
  for (;;) {
    if (run.steps_left-- == 0) {
      throw base::ArtifactError(
          "{}: the regular expression \"{}\" takes too long on a text of {} bytes", where_,
          pattern_, run.text.size());
    }
    const Instruction& instruction = program_[at++];
    bool matched = true;
    switch (instruction.op) {
      case Op::kMatch:
        run.choices.resize(bottom);
        return position;
      case Op::kSet:
        matched = run.take_one(sets_[instruction.set], position);
        break;
      case Op::kRun:
        matched = run.take_many(sets_[instruction.set], instruction, at, position);
        break;
      case Op::kSplit:
        run.choices.push_back({instruction.other, position, position});
        at = instruction.to;
        break;
      case Op::kJump:
        at = instruction.to;
        break;
      case Op::kLook:
        matched = this->run(at, run, position).has_value() != instruction.negated;
        at = instruction.to;
        break;
    }
    if (!matched && !run.go_back(bottom, at, position)) return std::nullopt;
  }
}

}  // namespace reaugkd::text
