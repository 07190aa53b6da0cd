#include "distill/targets.h"

#include "base/error.h"
#include "losses/distillation.h"

namespace reaugkd::distill {

torch::Tensor rows_in_knowledge_base(const retrieval::KnowledgeBase& kb,
                                     const std::filesystem::path& directory,
                                     const data::Dataset& rows) {
  const auto row_of = retrieval::rows_by_id(kb);
  std::vector<std::int64_t> kb_rows;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const auto found = row_of.find(rows.id(i));
    if (found == row_of.end()) {
      throw base::DataError(
          "{}: data row {} ({}) is not in the knowledge base {}; build it from this file, with the "
          "same split",
          rows.path.string(), rows.rows[i], rows.id(i).to_string(), directory.string());
    }
    kb_rows.push_back(found->second);
  }
  return torch::tensor(kb_rows, torch::kInt64);
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
