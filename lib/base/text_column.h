// The texts of one column of a data file. It may hold more than memory does: see blocks.h.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/blocks.h"

namespace reaugkd::base {

/// Texts in order. A copy shares the bytes.
class TextColumn {
 public:
  TextColumn() = default;
  TextColumn(std::initializer_list<std::string_view> texts);
  TextColumn(const std::vector<std::string>& texts);

  void push_back(std::string_view text);
  /// All texts of `more` behind these.
  void append(const TextColumn& more);
  /// The texts at these positions, in this order: copied where they are a small part, else shared.
  TextColumn subset(const std::vector<std::int64_t>& positions) const;
  void clear() { *this = {}; }

  std::size_t size() const { return texts_.size(); }
  bool empty() const { return texts_.empty(); }
  std::string_view operator[](std::size_t i) const { return texts_[i]; }
  std::string_view at(std::size_t i) const { return texts_.at(i); }
  auto begin() const { return texts_.begin(); }
  auto end() const { return texts_.end(); }
  friend bool operator==(const TextColumn& a, const TextColumn& b) { return a.texts_ == b.texts_; }

 private:
  Blocks<char> bytes_;
  std::vector<std::string_view> texts_;  // of bytes_
  std::size_t size_ = 0;                 // of all texts, in bytes
};

}  // namespace reaugkd::base
