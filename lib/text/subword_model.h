// What cuts one word into the pieces of a vocabulary. A tokenizer splits a text into words first;
// the model sees one word at a time and keeps no state between them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace reaugkd::text {

/// Thread-safe once built.
class SubwordModel {
 public:
  virtual ~SubwordModel() = default;

  /// Appends the ids of the word's pieces. `word` is not empty.
  virtual void append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const = 0;
};

}  // namespace reaugkd::text
