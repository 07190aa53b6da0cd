#include "text/regex_code.h"

#include <utility>

namespace reaugkd::text {
namespace {

using Op = Regex::Instruction::Op;

Regex::Instruction split_to(std::size_t first, std::size_t second, bool swapped = false) {
  if (swapped) std::swap(first, second);
  return {.op = Op::kSplit,
          .to = static_cast<std::uint32_t>(first),
          .other = static_cast<std::uint32_t>(second)};
}

}  // namespace

void append_code(RegexCode& code, const RegexCode& more) {
  const auto shift = static_cast<std::uint32_t>(code.size());
  for (Regex::Instruction instruction : more) {
    if (instruction.op == Op::kSplit || instruction.op == Op::kJump ||
        instruction.op == Op::kLook) {
      instruction.to += shift;
      instruction.other += shift;
    }
    code.push_back(instruction);
  }
}

RegexCode either_code(const RegexCode& first, const RegexCode& second) {
  RegexCode either = {split_to(1, first.size() + 2)};
  append_code(either, first);
  const std::size_t end = first.size() + 2 + second.size();
  either.push_back({.op = Op::kJump, .to = static_cast<std::uint32_t>(end)});
  append_code(either, second);
  return either;
}

RegexCode repeated_code(const RegexCode& code, std::uint32_t min, std::uint32_t max, bool lazy) {
  RegexCode result;
  for (std::uint32_t i = 0; i < min; ++i) append_code(result, code);
  if (max == kNoLimit) {
    RegexCode loop = {split_to(1, code.size() + 2, lazy)};
    append_code(loop, code);
    loop.push_back({.op = Op::kJump, .to = 0});
    append_code(result, loop);
    return result;
  }
  RegexCode maybe = {split_to(1, code.size() + 1, lazy)};
  append_code(maybe, code);
  for (std::uint32_t i = min; i < max; ++i) append_code(result, maybe);
  return result;
}

}  // namespace reaugkd::text
