// Chooses k, beta, tau' and what the rows answer on the validation part: the lowest mean negative
// log likelihood of the combined prediction (regression: the lowest mean squared error), or what
// another criterion likes best. Used by eval.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "base/task_kind.h"
#include "retrieval/aggregation.h"
#include "retrieval/answers.h"
#include "retrieval/beta.h"
#include "retrieval/index.h"

namespace reaugkd::retrieval {

struct RetrievalGrid {
  std::vector<std::int64_t> k = {1, 4, 8, 16, 32, 64};
  std::vector<double> beta = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
  std::vector<double> tau = {0.02, 0.05, 0.1, 0.5};
  /// With kGate, a gate is fitted for each k, tau' and answer, and `beta` is not looked at.
  BetaMode beta_mode = BetaMode::kConstant;
  /// With kEntropy and kSimilarity: logits of beta for a standard deviation of the feature on the
  /// rows that the setting is selected on. `beta` is then that of a row whose feature is at the
  /// mean.
  std::vector<double> slope = {0};
  std::int64_t known_classes = -1;    // kGate: those that the student can name; -1: all
  std::vector<double> balance = {0};  // of classes with unequal numbers of rows (balanced())
};

/// What the knowledge base's rows answer by a rule (answers_of): (N, C) fp32, or scores.
struct SoftLabels {
  AnswerRule rule;
  torch::Tensor values;
};

struct RetrievalSetting {
  std::int64_t k = 0;
  double beta = 1;  // of a gate: the mean on the rows it was fitted on
  double tau = 0.1;
  double loss = 0;     // of the combined prediction with it, on the rows it was selected on
  double score = 0;    // of the same by the criterion, where one was given
  BetaRule rule = {};  // how beta differs from row to row
  AnswerRule answers = {};
  double balance = 0;
};

/// Equations 6 and 7 with the setting; `neighbors` has its k, or more; `soft_labels` (N, C) are
/// those of its `answers`, `rows` are of them and may be left out where its balance is 0. `student`
/// may have the first classes alone (widened). Returns p^KB and p, (B, C).
struct RetrievedPrediction {
  torch::Tensor knowledge_base;
  torch::Tensor combined;
};
RetrievedPrediction predict(const RetrievalSetting& setting, const Neighbors& neighbors,
                            const torch::Tensor& soft_labels, const torch::Tensor& student,
                            const ClassRows& rows = {});

/// How good combined predictions (B, C) are: more is better.
using Criterion = std::function<double(const torch::Tensor& combined)>;

/// Tries the whole grid with each of `soft_labels`. `neighbors` has the largest k of the grid (or
/// fewer, if the knowledge base is smaller); `student` (B, C) is p^S; `labels` (B) fp32: class
/// indices, or scores for regression. Without `criterion` the lowest loss is best. Ties (to
/// 1e-12): larger beta, then smaller |slope|, k and tau', in this order, then the T nearest to 1.
/// Where there are several balances, all else is selected with the middle one, and the balance
/// then. With a gate, or where there are classes that the student cannot name, the loss is the
/// floored one (gate.h). `own_class`: as balanced() has it.
RetrievalSetting select_setting(const RetrievalGrid& grid, const Neighbors& neighbors,
                                const std::vector<SoftLabels>& soft_labels,
                                const torch::Tensor& student, const torch::Tensor& labels,
                                base::TaskKind kind, const Criterion& criterion = {},
                                const torch::Tensor& own_class = {});

/// What select_setting() compares: prediction_loss(), or the floored loss.
double selection_loss(const RetrievalGrid& grid, const torch::Tensor& probabilities,
                      const torch::Tensor& labels, base::TaskKind kind);

/// Mean of -log p[label] (p clamped to 1e-12), or of (p - label)^2 for regression. (B, C), (B).
double prediction_loss(const torch::Tensor& probabilities, const torch::Tensor& labels,
                       base::TaskKind kind);

}  // namespace reaugkd::retrieval
