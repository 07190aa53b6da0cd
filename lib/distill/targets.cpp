#include "distill/targets.h"

#include <limits>

#include "base/error.h"
#include "data/distribution.h"
#include "losses/distillation.h"

namespace reaugkd::distill {

torch::Tensor rows_in_knowledge_base(const retrieval::KnowledgeBase& kb,
                                     const std::filesystem::path& directory,
                                     const data::Dataset& rows) {
  const auto row_of = retrieval::rows_by_id(kb);
  auto may_lack = kb.provenance.rows_without_key;
  std::vector<std::int64_t> kb_rows;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const auto found = row_of.find(rows.id(i));
    if (found == row_of.end() && may_lack-- <= 0) {
      throw base::DataError(
          "{}: data row {} ({}) is not in the knowledge base {}; build it from this file, with the "
          "same split",
          rows.path.string(), rows.rows[i], rows.id(i).to_string(), directory.string());
    }
    kb_rows.push_back(found == row_of.end() ? -1 : found->second);
  }
  return torch::tensor(kb_rows, torch::kInt64);
}

torch::Tensor with_gold_labels(const torch::Tensor& logits, const data::Dataset& rows,
                               base::TaskKind kind) {
  const auto unanswered = logits.isnan().all(1);  // (n)
  if (!unanswered.any().item<bool>()) return logits;
  const auto labels = torch::tensor(rows.labels);
  const auto lacking = (unanswered & labels.isnan()).nonzero();
  if (lacking.numel() > 0) {
    const auto row = static_cast<std::size_t>(lacking[0][0].item<std::int64_t>());
    throw base::DataError(
        "{}: data row {} has no label and no teacher's answer: leave it out, or give one",
        rows.path.string(), rows.rows[row]);
  }
  auto gold = labels.unsqueeze(1);  // (n, 1)
  if (kind == base::TaskKind::kClassification) {
    const auto classes = torch::nan_to_num(gold, 0.0).to(torch::kInt64);
    gold = torch::full_like(logits, data::kLogitOfZero).scatter(1, classes, 0.0);
  }
  return torch::where(unanswered.unsqueeze(1), gold, logits);
}

torch::Tensor logits_in_knowledge_base(const retrieval::KnowledgeBase& kb,
                                       const torch::Tensor& places, const data::Dataset& rows,
                                       base::TaskKind kind) {
  const auto logits =
      kb.logits.index_select(0, places.clamp_min(0))
          .masked_fill((places < 0).unsqueeze(1), std::numeric_limits<float>::quiet_NaN());
  return with_gold_labels(logits, rows, kind);
}

torch::Tensor labels_on(const data::Dataset& rows, const torch::Device& device) {
  return torch::tensor(rows.labels).to(device);
}

torch::Tensor PredictionLoss::soft(const torch::Tensor& teacher,
                                   const torch::Tensor& student) const {
  return kind == base::TaskKind::kRegression
             ? losses::squared_error(student, teacher.detach().squeeze(1))
             : losses::soft_cross_entropy(teacher, student, temperature);
}

torch::Tensor PredictionLoss::hard(const torch::Tensor& student,
                                   const torch::Tensor& labels) const {
  return kind == base::TaskKind::kRegression ? losses::squared_error(student, labels)
                                             : losses::hard_cross_entropy(student, labels);
}

torch::Tensor PredictionLoss::towards(const torch::Tensor& other,
                                      const torch::Tensor& logits) const {
  return kind == base::TaskKind::kRegression
             ? losses::squared_error(logits, other.detach().squeeze(1))
             : losses::kl_divergence(other, logits);
}

train::LossTerms PredictionLoss::mixed(const torch::Tensor& teacher, const torch::Tensor& student,
                                       const torch::Tensor& labels) const {
  const double w = hard_label_weight;
  train::LossTerms loss;
  if (w < 1) {
    const auto ce = soft(teacher, student);
    loss.total = (1 - w) * ce;
    loss.terms.emplace_back("ce", ce);
  }
  if (w > 0) {
    const auto ce = hard(student, labels);
    loss.total = w < 1 ? loss.total + w * ce : ce;
    loss.terms.emplace_back("hard", ce);
  }
  return loss;
}

}  // namespace reaugkd::distill
