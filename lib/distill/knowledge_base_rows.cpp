#include "distill/knowledge_base_rows.h"

#include "base/error.h"
#include "train/predict.h"

namespace reaugkd::distill {
namespace {

using retrieval::KnowledgeBase;

constexpr double kSmallestProbability = 1e-12;  // its logit is finite

/// log p of the distributions that the rows came with, whose softmax is p; scores as they are.
torch::Tensor given_logits(const data::Dataset& rows, base::TaskKind kind) {
  const auto given = torch::tensor(rows.distributions).view({rows.size(), -1});  // (n, C)
  return kind == base::TaskKind::kRegression ? given : given.clamp_min(kSmallestProbability).log();
}

}  // namespace

KnowledgeBase knowledge_base_of(const train::Features& features, const KeyMaker& keys,
                                const data::Dataset& rows, base::TaskKind kind) {
  KnowledgeBase kb;
  kb.embeddings = keys.keys(features);
  kb.logits = rows.distributions.empty() ? features.logits : given_logits(rows, kind);
  kb.soft_labels = train::probabilities_of(kb.logits, kind);
  kb.labels = torch::tensor(rows.labels);
  kb.label_answers = torch::zeros_like(kb.labels, torch::kBool);
  for (std::int64_t i = 0; i < rows.size(); ++i) kb.ids.push_back(rows.id(i));
  kb.text_a = rows.text_a;
  kb.text_b = rows.text_b;
  return kb;
}

data::Dataset dataset_of(const KnowledgeBase& kb) {
  REAUGKD_CHECK(static_cast<std::int64_t>(kb.text_a.size()) == kb.size(), "no texts were read");
  data::Dataset rows;
  rows.path = "the knowledge base";
  rows.text_a = kb.text_a;
  rows.text_b = kb.text_b;
  rows.labels.assign(kb.labels.data_ptr<float>(), kb.labels.data_ptr<float>() + kb.size());
  rows.ids = kb.ids;
  for (std::int64_t row = 0; row < kb.size(); ++row) rows.rows.push_back(row);
  return rows;
}

}  // namespace reaugkd::distill
