#include "retrieval/equal_texts.h"

#include <cstring>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.h"

namespace reaugkd::retrieval {
namespace {

using TextPair = std::pair<std::string_view, std::string_view>;

struct HashOfTexts {
  std::size_t operator()(const TextPair& texts) const {
    const std::hash<std::string_view> hash;
    return hash(texts.first) * 31 + hash(texts.second);
  }
};

}  // namespace

std::int64_t share_keys_of_equal_texts(KnowledgeBase& kb) {
  if (kb.text_a.empty()) return kb.size();
  REAUGKD_CHECK(kb.embeddings.device().is_cpu(), "embeddings are not on the CPU");
  kb.embeddings = kb.embeddings.contiguous();
  const auto row_bytes = static_cast<std::size_t>(kb.dimension() * kb.embeddings.element_size());
  const char* bytes = static_cast<const char*>(kb.embeddings.data_ptr());
  std::unordered_map<TextPair, std::int64_t, HashOfTexts> first_with;
  first_with.reserve(kb.text_a.size());
  std::vector<std::int64_t> key_of;
  std::int64_t first_changed = kb.size();
  for (std::int64_t row = 0; row < kb.size(); ++row) {
    const auto i = static_cast<std::size_t>(row);
    const TextPair texts{kb.text_a[i], kb.text_b.empty() ? std::string_view() : kb.text_b[i]};
    const auto first = first_with.emplace(texts, row).first->second;
    key_of.push_back(first);
    const char* of_first = bytes + static_cast<std::size_t>(first) * row_bytes;
    if (first_changed == kb.size() &&
        std::memcmp(of_first, bytes + i * row_bytes, row_bytes) != 0) {
      first_changed = row;
    }
  }
  if (first_changed < kb.size()) {
    kb.embeddings = kb.embeddings.index_select(0, torch::tensor(key_of, torch::kInt64));
  }
  return first_changed;
}

}  // namespace reaugkd::retrieval
