// Programs of Regex put together from smaller ones. The jumps of a piece count from its own start.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "text/regex.h"

namespace reaugkd::text {

using RegexCode = std::vector<Regex::Instruction>;
inline constexpr std::uint32_t kNoLimit = std::numeric_limits<std::uint32_t>::max();

void append_code(RegexCode& code, const RegexCode& more);

/// first|second
RegexCode either_code(const RegexCode& first, const RegexCode& second);

/// code{min,max}; of a lazy one as few as possible.
RegexCode repeated_code(const RegexCode& code, std::uint32_t min, std::uint32_t max, bool lazy);

}  // namespace reaugkd::text
