// From the text of a regular expression to the program that Regex runs.
#pragma once

#include <string>
#include <vector>

#include "text/regex.h"

namespace reaugkd::text {

struct RegexProgram {
  std::vector<CharacterSet> sets;
  std::vector<Regex::Instruction> instructions;
};

/// Throws ArtifactError naming `where`, the pattern and the place in it.
RegexProgram parse_regex(const std::string& pattern, const std::string& where);

}  // namespace reaugkd::text
