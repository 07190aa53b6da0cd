#include "retrieval/kb_editing.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/names.h"

namespace reaugkd::retrieval {
namespace {

/// Row of each id as examples.tsv spells it.
std::map<std::string, std::int64_t> rows_by_spelling(const KnowledgeBase& kb) {
  std::map<std::string, std::int64_t> row_of;
  for (std::size_t i = 0; i < kb.ids.size(); ++i) {
    row_of[kb.ids[i].to_string()] = static_cast<std::int64_t>(i);
  }
  return row_of;
}

/// One condition of `remove_where`: which rows it holds of, (N) bool.
torch::Tensor rows_where(const KnowledgeBase& kb, const std::string& condition,
                         const std::vector<std::string>& classes) {
  const auto equals = condition.find('=');
  const std::string key = condition.substr(0, equals);
  if (equals == std::string::npos || (key != "label" && key != "file")) {
    throw base::ConfigError(
        "`remove_where` {}: expected label=NAME or file=ID, the 16 digits before the colon of an "
        "id in examples.tsv{}",
        condition, base::did_you_mean(key, {"label", "file"}));
  }
  const std::string value = condition.substr(equals + 1);
  torch::Tensor held;
  if (key == "label") {
    const auto place = std::ranges::find(classes, value);
    if (place == classes.end()) {
      throw base::ConfigError("`remove_where` {}: the knowledge base has no such label{}",
                              condition, base::did_you_mean(value, classes));
    }
    held = kb.labels == static_cast<float>(place - classes.begin());
  } else {
    held = torch::zeros({kb.size()}, torch::kBool);
    auto* rows = held.data_ptr<bool>();
    for (std::size_t i = 0; i < kb.ids.size(); ++i) {
      rows[i] = fmt::format("{:016x}", kb.ids[i].file) == value;
    }
  }
  if (!held.any().item<bool>()) {
    throw base::ConfigError("`remove_where` {}: holds of no row of the knowledge base", condition);
  }
  return held;
}

/// New classes that no row has are dropped; the others move up.
void drop_empty_classes(KnowledgeBase& kb) {
  if (kb.new_classes.empty()) return;  // scores have none either
  const std::int64_t known = kb.num_labels();
  kb.labels = kb.labels.clone();
  auto* labels = kb.labels.data_ptr<float>();
  std::set<float> present;
  for (std::int64_t i = 0; i < kb.size(); ++i) {
    if (!std::isnan(labels[i])) present.insert(labels[i]);
  }
  std::vector<std::string> kept;
  std::map<float, float> moved;
  for (std::size_t j = 0; j < kb.new_classes.size(); ++j) {
    const auto before = static_cast<float>(known + static_cast<std::int64_t>(j));
    if (!present.contains(before)) continue;
    moved[before] = static_cast<float>(known + static_cast<std::int64_t>(kept.size()));
    kept.push_back(kb.new_classes[j]);
  }
  for (std::int64_t i = 0; i < kb.size(); ++i) {
    if (labels[i] >= static_cast<float>(known)) labels[i] = moved.at(labels[i]);
  }
  kb.new_classes = kept;
}

}  // namespace

KnowledgeBase rows_of(const KnowledgeBase& kb, const std::vector<std::int64_t>& positions) {
  const auto index = torch::tensor(positions, torch::kInt64);
  KnowledgeBase part;
  part.embeddings = kb.embeddings.index_select(0, index);
  part.logits = kb.logits.index_select(0, index);
  part.soft_labels = kb.soft_labels.index_select(0, index);
  part.labels = kb.labels.index_select(0, index);
  part.label_answers = kb.label_answers.index_select(0, index);
  part.new_classes = kb.new_classes;
  if (!kb.text_a.empty()) part.text_a = kb.text_a.subset(positions);
  if (!kb.text_b.empty()) part.text_b = kb.text_b.subset(positions);
  for (const auto position : positions) {
    const auto i = static_cast<std::size_t>(position);
    part.ids.push_back(kb.ids[i]);
  }
  part.provenance = kb.provenance;
  part.history = kb.history;
  return part;
}

KnowledgeBase joined(const KnowledgeBase& kb, const KnowledgeBase& more) {
  REAUGKD_CHECK(
      kb.dimension() == more.dimension() && kb.num_labels() == more.num_labels() &&
          kb.text_b.empty() == more.text_b.empty() &&
          kb.new_classes.size() <= more.new_classes.size() &&
          std::equal(kb.new_classes.begin(), kb.new_classes.end(), more.new_classes.begin()),
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
  all.label_answers = torch::cat({kb.label_answers, more.label_answers});
  all.new_classes = more.new_classes;
  all.ids.insert(all.ids.end(), more.ids.begin(), more.ids.end());
  all.text_a.append(more.text_a);
  all.text_b.append(more.text_b);
  return all;
}

KnowledgeBase without(const KnowledgeBase& kb, const Removal& removal,
                      const std::vector<std::string>& classes) {
  const auto row_of = rows_by_spelling(kb);
  std::vector<bool> removed(static_cast<std::size_t>(kb.size()), false);
  for (const auto& id : removal.ids) {
    const auto found = row_of.find(id);
    if (found == row_of.end() || removed[static_cast<std::size_t>(found->second)]) {
      throw base::ConfigError(
          "`remove` {}: is not in the knowledge base (or given twice); examples.tsv lists the ids, "
          "for example {}",
          id, kb.ids.front().to_string());
    }
    removed[static_cast<std::size_t>(found->second)] = true;
  }
  if (!removal.where.empty()) {
    auto held = torch::ones({kb.size()}, torch::kBool);
    for (const auto& condition : removal.where) held &= rows_where(kb, condition, classes);
    for (std::int64_t i = 0; i < kb.size(); ++i) {
      if (held.data_ptr<bool>()[i]) removed[static_cast<std::size_t>(i)] = true;
    }
  }
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < kb.size(); ++i) {
    if (!removed[static_cast<std::size_t>(i)]) kept.push_back(i);
  }
  if (kept.empty()) {
    throw base::ConfigError("`remove`, `remove_where`: would leave an empty knowledge base");
  }
  auto left = rows_of(kb, kept);
  drop_empty_classes(left);
  return left;
}

void relabel(KnowledgeBase& kb, const std::map<std::string, float>& labels) {
  const auto row_of = rows_by_spelling(kb);
  kb.labels = kb.labels.clone();  // they may be views of a file
  kb.label_answers = kb.label_answers.clone();
  for (const auto& [id, label] : labels) {
    const auto found = row_of.find(id);
    if (found == row_of.end()) {
      throw base::DataError(
          "`relabel`: {} is not in the knowledge base; examples.tsv lists the ids", id);
    }
    kb.labels.data_ptr<float>()[found->second] = label;
    kb.label_answers.data_ptr<bool>()[found->second] = true;
  }
  drop_empty_classes(kb);
}

}  // namespace reaugkd::retrieval
