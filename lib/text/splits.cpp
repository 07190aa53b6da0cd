#include "text/splits.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/error.h"

namespace reaugkd::text {
namespace {

using Span = Words::Span;

// A match goes to the part before it, unless that is a match too.
void merge_with_previous(const std::vector<SplitPart>& parts, std::vector<Span>& spans) {
  bool previous_matched = false;
  bool first = true;
  for (const SplitPart& part : parts) {
    if (part.matched && !previous_matched && !first) {
      spans.back().end = part.span.end;
    } else {
      spans.push_back(part.span);
    }
    first = false;
    previous_matched = part.matched;
  }
}

// The same from the other end.
void merge_with_next(const std::vector<SplitPart>& parts, std::vector<Span>& spans) {
  const auto before = static_cast<std::ptrdiff_t>(spans.size());
  bool next_matched = false;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->matched && !next_matched && part != parts.rbegin()) {
      spans.back().begin = part->span.begin;
    } else {
      spans.push_back(part->span);
    }
    next_matched = part->matched;
  }
  std::reverse(spans.begin() + before, spans.end());
}

void join_neighbors(const std::vector<SplitPart>& parts, std::vector<Span>& spans) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && parts[i].matched == parts[i - 1].matched) {
      spans.back().end = parts[i].span.end;
    } else {
      spans.push_back(parts[i].span);
    }
  }
}

}  // namespace

SplitBehavior parse_split_behavior(const std::string& name, const std::string& where) {
  // tokenizer.json writes them with capitals, Python without.
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kNames = {
      {{"removed", SplitBehavior::kRemoved},
       {"isolated", SplitBehavior::kIsolated},
       {"mergedwithprevious", SplitBehavior::kMergedWithPrevious},
       {"mergedwithnext", SplitBehavior::kMergedWithNext},
       {"contiguous", SplitBehavior::kContiguous}}};
  std::string plain;
  for (const char letter : name) {
    if (letter != '_')
      plain.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(letter))));
  }
  for (const auto& [known, behavior] : kNames) {
    if (plain == known) return behavior;
  }
  throw base::ArtifactError(
      "{}: found \"{}\", expected Removed, Isolated, MergedWithPrevious, MergedWithNext or "
      "Contiguous",
      where, name);
}

void append_split(const std::vector<SplitPart>& parts, SplitBehavior behavior,
                  std::vector<Span>& spans) {
  switch (behavior) {
    case SplitBehavior::kRemoved:
      for (const SplitPart& part : parts) {
        if (!part.matched) spans.push_back(part.span);
      }
      break;
    case SplitBehavior::kIsolated:
      for (const SplitPart& part : parts) spans.push_back(part.span);
      break;
    case SplitBehavior::kMergedWithPrevious:
      merge_with_previous(parts, spans);
      break;
    case SplitBehavior::kMergedWithNext:
      merge_with_next(parts, spans);
      break;
    case SplitBehavior::kContiguous:
      join_neighbors(parts, spans);
      break;
  }
}

}  // namespace reaugkd::text
