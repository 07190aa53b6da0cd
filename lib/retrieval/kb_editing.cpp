#include "retrieval/kb_editing.h"

#include <algorithm>
#include <map>

#include "base/error.h"

namespace reaugkd::retrieval {

KnowledgeBase rows_of(const KnowledgeBase& kb, const std::vector<std::int64_t>& positions) {
  const auto index = torch::tensor(positions, torch::kInt64);
  KnowledgeBase part;
  part.embeddings = kb.embeddings.index_select(0, index);
  part.logits = kb.logits.index_select(0, index);
  part.soft_labels = kb.soft_labels.index_select(0, index);
  part.labels = kb.labels.index_select(0, index);
  for (const auto position : positions) {
    const auto i = static_cast<std::size_t>(position);
    part.ids.push_back(kb.ids[i]);
    if (!kb.text_a.empty()) part.text_a.push_back(kb.text_a[i]);
    if (!kb.text_b.empty()) part.text_b.push_back(kb.text_b[i]);
  }
  part.provenance = kb.provenance;
  return part;
}

KnowledgeBase joined(const KnowledgeBase& kb, const KnowledgeBase& more) {
  REAUGKD_CHECK(kb.dimension() == more.dimension() && kb.num_labels() == more.num_labels() &&
                    kb.text_b.empty() == more.text_b.empty(),
                "two knowledge bases of different shape");
  const auto known = rows_by_id(kb);
  for (const auto& id : more.ids) {
    if (known.contains(id)) {
      throw base::DataError("example {} is in the knowledge base already: give new rows only",
                            id.to_string());
    }
  }
  KnowledgeBase all = kb;
  all.embeddings = torch::cat({kb.embeddings, more.embeddings.to(kb.embeddings.scalar_type())});
  all.logits = torch::cat({kb.logits, more.logits});
  all.soft_labels = torch::cat({kb.soft_labels, more.soft_labels});
  all.labels = torch::cat({kb.labels, more.labels});
  all.ids.insert(all.ids.end(), more.ids.begin(), more.ids.end());
  all.text_a.insert(all.text_a.end(), more.text_a.begin(), more.text_a.end());
  all.text_b.insert(all.text_b.end(), more.text_b.begin(), more.text_b.end());
  return all;
}

KnowledgeBase without(const KnowledgeBase& kb, const std::vector<std::string>& ids) {
  std::map<std::string, std::int64_t> row_of;
  for (std::size_t i = 0; i < kb.ids.size(); ++i) {
    row_of[kb.ids[i].to_string()] = static_cast<std::int64_t>(i);
  }
  for (const auto& id : ids) {
    if (row_of.erase(id) == 0) {
      throw base::ConfigError(
          "`remove` {}: is not in the knowledge base (or given twice); examples.tsv lists the ids, "
          "for example {}",
          id, kb.ids.front().to_string());
    }
  }
  if (row_of.empty()) throw base::ConfigError("`remove` would leave an empty knowledge base");
  std::vector<std::int64_t> kept;
  for (const auto& [id, row] : row_of) kept.push_back(row);
  std::sort(kept.begin(), kept.end());
  return rows_of(kb, kept);
}

}  // namespace reaugkd::retrieval
