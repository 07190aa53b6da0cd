// What a student is taught with: labels, rows of the knowledge base, and the prediction terms.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <string>

#include "retrieval/knowledge_base.h"
#include "train/classifier_objective.h"

namespace reaugkd::distill {

/// Where each row stands in the knowledge base of `directory`, joined by example id: (n) int64; -1
/// for a row without a key, of which its provenance says how many there are. Throws DataError for
/// another row that it lacks.
torch::Tensor rows_in_knowledge_base(const retrieval::KnowledgeBase& kb,
                                     const std::filesystem::path& directory,
                                     const data::Dataset& rows);

/// l^T of each row for the prediction terms, (n, C): `logits`, and in place of a row of NaN, which
/// no teacher has answered, the gold label: 1 in its class at every temperature, or the score.
/// Throws DataError where a row has neither.
torch::Tensor with_gold_labels(const torch::Tensor& logits, const data::Dataset& rows,
                               base::TaskKind kind);
/// The same of the knowledge base's logits, for `rows`, which stand at `places` in it.
torch::Tensor logits_in_knowledge_base(const retrieval::KnowledgeBase& kb,
                                       const torch::Tensor& places, const data::Dataset& rows,
                                       base::TaskKind kind);

/// The task's labels, (n) fp32 on the device, NaN where there is none.
torch::Tensor labels_on(const data::Dataset& rows, const torch::Device& device);

/// The prediction terms of equation 4 for a task: to the teacher, and to hard labels.
struct PredictionLoss {
  base::TaskKind kind = base::TaskKind::kClassification;
  double temperature = 1;
  double hard_label_weight = 0;

  /// CE(p^T, p^S) T^2 on logits (B, C), or the squared error to the teacher's score.
  torch::Tensor soft(const torch::Tensor& teacher, const torch::Tensor& student) const;
  /// CE(y, p^S), or the squared error to the label; (B) fp32, rows without one are left out.
  torch::Tensor hard(const torch::Tensor& student, const torch::Tensor& labels) const;
  /// KL(p^other || p), or the squared error to the other's score; the other is a constant.
  torch::Tensor towards(const torch::Tensor& other, const torch::Tensor& logits) const;
  /// (1 - w) soft + w hard, w = hard_label_weight.
  train::LossTerms mixed(const torch::Tensor& teacher, const torch::Tensor& student,
                         const torch::Tensor& labels) const;
};

}  // namespace reaugkd::distill
