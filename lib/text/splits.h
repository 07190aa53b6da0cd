// What becomes of the places that a splitting pattern has found in a word.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/pre_tokenizer.h"

namespace reaugkd::text {

/// The library's names of them; kContiguous joins neighbors of one kind.
enum class SplitBehavior : std::uint8_t {
  kRemoved,
  kIsolated,
  kMergedWithPrevious,
  kMergedWithNext,
  kContiguous
};

/// Throws ArtifactError naming `where` on an unknown name.
SplitBehavior parse_split_behavior(const std::string& name, const std::string& where);

/// A part of a word: all of them side by side are the word.
struct SplitPart {
  Words::Span span;
  bool matched;
};

/// Appends what the parts of one word become.
void append_split(const std::vector<SplitPart>& parts, SplitBehavior behavior,
                  std::vector<Words::Span>& spans);

}  // namespace reaugkd::text
