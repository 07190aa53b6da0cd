#include "text/trie.h"

#include <algorithm>

namespace reaugkd::text {

/// The sorted entries that share the first `depth` bytes, which lead to `node`.
struct Trie::Range {
  std::size_t begin;
  std::size_t end;
  std::size_t depth;
  std::uint32_t node;
};

Trie::Trie(std::vector<Entry> entries) {
  std::erase_if(entries, [](const Entry& entry) { return entry.first.empty(); });
  if (entries.empty()) return;
  std::ranges::stable_sort(entries, {}, &Entry::first);
  nodes_.emplace_back();
  labels_.push_back(0);
  std::vector<Range> ranges = {{0, entries.size(), 0, 0}};
  for (std::size_t i = 0; i < ranges.size(); ++i) {  // breadth first: `ranges` grows
    const Range range = ranges[i];
    add_children(entries, range, ranges);
  }
  const Node& root = nodes_.front();
  for (std::uint32_t i = 0; i < root.num_children; ++i) {
    roots_.at(labels_[root.first_child + i]) = root.first_child + i;
  }
}

void Trie::add_children(const std::vector<Entry>& entries, const Range& parent,
                        std::vector<Range>& ranges) {
  std::size_t begin = parent.begin;
  // An entry that ends here sorts before those that go on.
  for (; begin < parent.end && entries[begin].first.size() == parent.depth; ++begin) {
    nodes_[parent.node].value = entries[begin].second;
  }
  nodes_[parent.node].first_child = static_cast<std::uint32_t>(nodes_.size());
  while (begin < parent.end) {
    const char byte = entries[begin].first[parent.depth];
    std::size_t end = begin + 1;
    while (end < parent.end && entries[end].first[parent.depth] == byte) ++end;
    ranges.push_back({begin, end, parent.depth + 1, static_cast<std::uint32_t>(nodes_.size())});
    nodes_.emplace_back();
    labels_.push_back(static_cast<unsigned char>(byte));
    ++nodes_[parent.node].num_children;
    begin = end;
  }
}

}  // namespace reaugkd::text
