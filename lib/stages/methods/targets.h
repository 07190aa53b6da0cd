// What a student is taught with: the teacher's predictions and embeddings of every training row,
// from the knowledge base or from the teacher's weights, and the prediction terms made of them.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <string>

#include "stages/row_classifier.h"

namespace reaugkd::stages {

/// Of every training row, in the order of the training part, on the device.
struct Targets {
  torch::Tensor logits;      // (n, C)
  torch::Tensor embeddings;  // (n, D): the KB's unit rows, or the teacher's own (n, H)
  torch::Tensor kb_rows;     // (n) int64: where they stand in the KB; undefined from a teacher
};

/// Joins the knowledge base to the rows by example id. Throws DataError for a row it lacks.
Targets targets_from_kb(const std::filesystem::path& kb, const data::Dataset& rows,
                        const torch::Device& device);

/// The teacher's outputs in eval mode, one pass.
Targets targets_from_teacher(const std::filesystem::path& teacher, const TaskData& data,
                             const Compute& compute, std::int64_t batch_size);

/// The task's labels, (n) fp32 on the device, NaN where there is none.
torch::Tensor labels_on(const data::Dataset& rows, const torch::Device& device);

/// The prediction terms of equation 4 for a task: to the teacher, and to hard labels.
struct PredictionLoss {
  bool regression = false;
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

}  // namespace reaugkd::stages
