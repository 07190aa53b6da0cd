// What changes a text before it is split: the components of tokenizer.json's "normalizer", by the
// names that Hugging Face's `tokenizers` gives them.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace reaugkd::text {

/// Thread-safe once built.
class Normalizer {
 public:
  virtual ~Normalizer() = default;

  /// The text after the change. `text` is UTF-8, as what comes back is.
  virtual std::string apply(std::string text) const = 0;
};

using Normalizers = std::vector<std::unique_ptr<Normalizer>>;

/// The steps of `json`, one after the other: none where it is null, those within a Sequence in
/// order. `where` names the place in errors ("dir/tokenizer.json: normalizer"). Throws
/// ArtifactError on a component that is unknown or lacks something.
Normalizers read_normalizers(const nlohmann::json& json, const std::string& where);

}  // namespace reaugkd::text
