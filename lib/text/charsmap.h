// sentencepiece's compiled table of replacements (`precompiled_charsmap`): a trie of byte strings
// and what each becomes, applied as Hugging Face's `tokenizers` does, by grapheme clusters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/normalizer.h"

namespace reaugkd::text {

class Charsmap : public Normalizer {
 public:
  /// `bytes`: the table, not base64. Throws ArtifactError where it is cut.
  Charsmap(const std::string& bytes, const std::string& where);

  std::string apply(std::string text) const override;

 private:
  std::optional<std::string_view> replacement(std::string_view part) const;
  void append_grapheme(std::string_view grapheme, std::string& result) const;

  std::vector<std::uint32_t> units_;  // Darts' double array
  std::string replacements_;          // each ends with a NUL
};

/// The bytes of base64 text; throws ArtifactError naming `where` on other text.
std::string from_base64(std::string_view text, const std::string& where);

}  // namespace reaugkd::text
