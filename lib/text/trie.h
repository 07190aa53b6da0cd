// A trie of byte strings: which of many pieces begin at a place of a text. Read by every model of
// pieces and by the search for added tokens.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reaugkd::text {

class Trie {
 public:
  using Entry = std::pair<std::string, std::int32_t>;
  struct Match {
    std::size_t size = 0;  // in bytes; 0 where nothing matches
    std::int32_t value = -1;
  };

  Trie() = default;
  /// Values are 0 or more. The last of equal strings counts; an empty string is left out.
  explicit Trie(std::vector<Entry> entries);

  bool empty() const { return labels_.empty(); }
  /// Whether some entry begins with this byte.
  bool begins(char byte) const { return roots_[static_cast<unsigned char>(byte)] != 0; }

  /// Calls found(size, value) for every entry that `text` begins with, the shortest first.
  template <typename Found>
  void for_each_prefix(std::string_view text, const Found& found) const {
    std::uint32_t node = text.empty() ? 0 : roots_[static_cast<unsigned char>(text[0])];
    for (std::size_t size = 1; node != 0; ++size) {
      if (nodes_[node].value >= 0) found(size, nodes_[node].value);
      if (size == text.size()) return;
      node = child(nodes_[node], static_cast<unsigned char>(text[size]));
    }
  }

  /// The longest entry that `text` begins with.
  Match longest_prefix(std::string_view text) const {
    Match longest;
    for_each_prefix(text, [&](std::size_t size, std::int32_t value) { longest = {size, value}; });
    return longest;
  }

 private:
  struct Node {
    std::uint32_t first_child = 0;
    std::uint32_t num_children = 0;
    std::int32_t value = -1;
  };
  struct Range;

  void add_children(const std::vector<Entry>& entries, const Range& parent,
                    std::vector<Range>& ranges);

  /// 0 where there is none: the root is nobody's child.
  std::uint32_t child(const Node& node, unsigned char byte) const {
    const unsigned char* labels = labels_.data() + node.first_child;
    constexpr std::uint32_t kFew = 8;
    if (node.num_children > kFew) {
      const void* found = std::memchr(labels, byte, node.num_children);
      if (found == nullptr) return 0;
      return node.first_child +
             static_cast<std::uint32_t>(static_cast<const unsigned char*>(found) - labels);
    }
    for (std::uint32_t i = 0; i < node.num_children; ++i) {
      if (labels[i] == byte) return node.first_child + i;
    }
    return 0;
  }

  std::vector<Node> nodes_;            // the children of a node stand side by side
  std::vector<unsigned char> labels_;  // of each node: the byte that leads to it
  std::array<std::uint32_t, 256> roots_{};
};

}  // namespace reaugkd::text
