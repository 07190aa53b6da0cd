// What splits a text into words: the components of tokenizer.json's "pre_tokenizer", by the names
// that Hugging Face's `tokenizers` gives them.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace reaugkd::text {

/// A text on its way to the model, with the words found so far.
struct Words {
  struct Span {
    std::size_t begin;
    std::size_t end;
    std::string_view of(std::string_view text) const { return text.substr(begin, end - begin); }
  };

  std::string bytes;
  std::vector<Span> spans;  // not empty ones
  bool begins_text = true;  // no added token stands before it
};

/// Thread-safe once built.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  /// Splits the words further. A component that writes into the text changes `bytes` too.
  virtual void apply(Words& words) const = 0;
};

using PreTokenizers = std::vector<std::unique_ptr<PreTokenizer>>;

/// The steps of `json`, as read_normalizers. `byte_level` becomes whether the last one is
/// ByteLevel, after which the model sees bytes. Throws ArtifactError on a component that is unknown
/// or lacks something, or that stands behind ByteLevel.
PreTokenizers read_pre_tokenizers(const nlohmann::json& json, const std::string& where,
                                  bool& byte_level);

/// ByteLevel with its expression: a space before the text if asked, then GPT-2's words.
std::unique_ptr<PreTokenizer> make_byte_level(bool add_prefix_space, bool use_regex);

}  // namespace reaugkd::text
