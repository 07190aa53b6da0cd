#include <array>

#include "base/error.h"
#include "text/byte_level.h"
#include "text/pattern.h"
#include "text/pre_tokenizer.h"
#include "text/splits.h"
#include "text/unicode.h"

namespace reaugkd::text {
namespace {

using Span = Words::Span;
using Parts = std::vector<SplitPart>;

/// Splits each word by its parts, which find(text, span, parts) gives.
template <typename Find>
void split_words(Words& words, SplitBehavior behavior, const Find& find) {
  std::vector<Span> spans;
  spans.reserve(words.spans.size() * 2 + words.bytes.size() / 4);
  Parts parts;
  for (const Span& span : words.spans) {
    parts.clear();
    find(std::string_view(words.bytes), span, parts);
    append_split(parts, behavior, spans);
  }
  words.spans = std::move(spans);
}

/// Every code point of a class is a match of its own.
class CharacterSplit : public PreTokenizer {
 public:
  using IsMatch = bool (*)(char32_t);
  CharacterSplit(IsMatch is_match, SplitBehavior behavior)
      : is_match_(is_match), behavior_(behavior) {}

  void apply(Words& words) const override {
    split_words(words, behavior_, [this](std::string_view text, const Span& span, Parts& parts) {
      std::size_t begin = span.begin;
      for (std::size_t position = span.begin; position < span.end;) {
        const std::size_t before = position;
        if (!is_match_(next_code_point(text, position))) continue;
        if (begin < before) parts.push_back({{begin, before}, false});
        parts.push_back({{before, position}, true});
        begin = position;
      }
      if (begin < span.end) parts.push_back({{begin, span.end}, false});
    });
  }

 private:
  IsMatch is_match_;
  SplitBehavior behavior_;
};

class RegexSplit : public PreTokenizer {
 public:
  RegexSplit(Regex regex, SplitBehavior behavior, bool invert)
      : regex_(std::move(regex)), behavior_(behavior), invert_(invert) {}

  void apply(Words& words) const override {
    split_words(words, behavior_, [this](std::string_view text, const Span& span, Parts& parts) {
      const std::string_view word = span.of(text);
      std::size_t begin = 0;
      while (const auto match = regex_.search(word, begin)) {
        add(span, begin, match->begin, invert_, parts);
        add(span, match->begin, match->end, !invert_, parts);
        begin = match->end;
      }
      add(span, begin, word.size(), invert_, parts);
    });
  }

 private:
  static void add(const Span& word, std::size_t begin, std::size_t end, bool matched,
                  Parts& parts) {
    if (begin < end) parts.push_back({{word.begin + begin, word.begin + end}, matched});
  }

  Regex regex_;
  SplitBehavior behavior_;
  bool invert_;
};

/// sentencepiece's mark in the place of spaces, at which words begin.
class Metaspace : public PreTokenizer {
 public:
  enum class Prepend : std::uint8_t { kNever, kFirst, kAlways };
  Metaspace(std::string mark, Prepend prepend, bool split)
      : mark_(std::move(mark)), prepend_(prepend), split_(split) {}

  void apply(Words& words) const override {
    std::string bytes;
    bytes.reserve(words.bytes.size() + words.bytes.size() / 2 + mark_.size());
    std::vector<Span> spans;
    spans.reserve(words.bytes.size() / 4 + words.spans.size());
    for (const Span& span : words.spans) {
      const std::size_t begin = bytes.size();
      const std::string_view word = span.of(words.bytes);
      if (needs_mark(word, words.begins_text && span.begin == 0)) bytes += mark_;
      for (const char byte : word) {
        if (byte == ' ') {
          bytes += mark_;
        } else {
          bytes.push_back(byte);
        }
      }
      append_words(bytes, begin, spans);
    }
    words.bytes = std::move(bytes);
    words.spans = std::move(spans);
  }

 private:
  bool needs_mark(std::string_view word, bool is_first) const {
    const bool wanted = prepend_ == Prepend::kAlways || (prepend_ == Prepend::kFirst && is_first);
    return wanted && !word.starts_with(' ') && !word.starts_with(mark_);
  }

  void append_words(const std::string& bytes, std::size_t begin, std::vector<Span>& spans) const {
    while (split_) {
      const std::size_t next = bytes.find(mark_, begin + 1);
      if (next == std::string::npos) break;
      spans.push_back({begin, next});
      begin = next;
    }
    if (begin < bytes.size()) spans.push_back({begin, bytes.size()});
  }

  std::string mark_;
  Prepend prepend_;
  bool split_;
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space), use_regex_(use_regex) {}

  void apply(Words& words) const override {
    if (add_prefix_space_) add_spaces(words);
    if (!use_regex_) return;
    std::vector<Span> spans;
    spans.reserve(words.bytes.size() / 4 + words.spans.size());
    for (const Span& span : words.spans) {
      const std::string_view text = std::string_view(words.bytes).substr(0, span.end);
      for (std::size_t begin = span.begin; begin < span.end;) {
        const std::size_t end = end_of_byte_level_word(text, begin);
        spans.push_back({begin, end});
        begin = end;
      }
    }
    words.spans = std::move(spans);
  }

 private:
  static void add_spaces(Words& words) {
    std::string bytes;
    bytes.reserve(words.bytes.size() + words.spans.size());
    for (Span& span : words.spans) {
      const std::string_view word = span.of(words.bytes);
      const std::size_t begin = bytes.size();
      if (!word.starts_with(' ')) bytes.push_back(' ');
      bytes += word;
      span = {begin, bytes.size()};
    }
    words.bytes = std::move(bytes);
  }

  bool add_prefix_space_;
  bool use_regex_;
};

std::unique_ptr<PreTokenizer> by_character(CharacterSplit::IsMatch is_match,
                                           SplitBehavior behavior) {
  return std::make_unique<CharacterSplit>(is_match, behavior);
}

SplitBehavior behavior_of(const Component& component, const char* fallback) {
  return parse_split_behavior(component.text("behavior", fallback), component.where("behavior"));
}

std::unique_ptr<PreTokenizer> read_metaspace(const Component& component) {
  const std::string scheme = component.text(
      "prepend_scheme", component.flag("add_prefix_space", true) ? "always" : "never");
  const std::string mark = component.text("replacement", "\xE2\x96\x81");
  auto prepend = Metaspace::Prepend::kAlways;
  if (scheme == "never") {
    prepend = Metaspace::Prepend::kNever;
  } else if (scheme == "first") {
    prepend = Metaspace::Prepend::kFirst;
  } else if (scheme != "always") {
    component.refuse("prepend_scheme", "always, first or never");
  }
  if (mark.empty()) component.refuse("replacement", "a character");
  return std::make_unique<Metaspace>(mark, prepend, component.flag("split", true));
}

void append_pre_tokenizer(const Component& component, PreTokenizers& steps) {
  const std::string& type = component.type();
  if (type == "BertPreTokenizer") {
    steps.push_back(by_character(is_white_space_property, SplitBehavior::kRemoved));
    steps.push_back(by_character(is_punctuation, SplitBehavior::kIsolated));
  } else if (type == "ByteLevel") {
    steps.push_back(make_byte_level(component.flag("add_prefix_space", true),
                                    component.flag("use_regex", true)));
  } else if (type == "Metaspace") {
    steps.push_back(read_metaspace(component));
  } else if (type == "WhitespaceSplit") {
    steps.push_back(by_character(is_white_space_property, SplitBehavior::kRemoved));
  } else if (type == "Whitespace") {
    steps.push_back(std::make_unique<RegexSplit>(Regex("\\w+|[^\\w\\s]+", component.where()),
                                                 SplitBehavior::kRemoved, /*invert=*/true));
  } else if (type == "Punctuation") {
    steps.push_back(by_character(is_punctuation, behavior_of(component, "Isolated")));
  } else if (type == "Digits") {
    const bool single = component.flag("individual_digits", false);
    steps.push_back(
        by_character(is_number, single ? SplitBehavior::kIsolated : SplitBehavior::kContiguous));
  } else if (type == "Split") {
    steps.push_back(std::make_unique<RegexSplit>(
        read_pattern(component), behavior_of(component, ""), component.flag("invert", false)));
  } else {
    component.refuse_type(
        "BertPreTokenizer, ByteLevel, Metaspace, WhitespaceSplit, Whitespace, Punctuation, Digits, "
        "Split, Sequence");
  }
}

}  // namespace

std::unique_ptr<PreTokenizer> make_byte_level(bool add_prefix_space, bool use_regex) {
  return std::make_unique<ByteLevel>(add_prefix_space, use_regex);
}

PreTokenizers read_pre_tokenizers(const nlohmann::json& json, const std::string& where,
                                  bool& byte_level) {
  PreTokenizers steps;
  byte_level = false;
  for (const Component& component : flat_components(json, where, "pretokenizers")) {
    if (byte_level) {
      throw base::ArtifactError("{}: found {} behind ByteLevel, which must be the last",
                                component.where(), component.type());
    }
    append_pre_tokenizer(component, steps);
    byte_level = component.type() == "ByteLevel";
  }
  return steps;
}

}  // namespace reaugkd::text
