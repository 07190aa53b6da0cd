// What answers for a row of the knowledge base in equation 6: the teacher's prediction, the gold
// label, or a mixture of both. Used by eval and by the selection of the setting.
#pragma once

#include <torch/torch.h>

#include <string>

#include "base/task_kind.h"
#include "retrieval/knowledge_base.h"

namespace reaugkd::retrieval {

/// kAuto: the label where the row says so (KnowledgeBase::label_answers), else the teacher. kMix:
/// a share of each where a row has both. In every mode a row that lacks one answers with the other.
enum class AnswerSource { kAuto, kTeacher, kLabels, kMix };

/// Of `soft_labels`; throws ConfigError on anything but auto, teacher, labels, mix.
AnswerSource parse_answer_source(const std::string& text);
std::string to_string(AnswerSource source);

struct AnswerRule {
  double temperature = 1;  // T of the teacher's prediction, softmax(l^T/T)
  AnswerSource source = AnswerSource::kAuto;
  double label_weight = 0.5;  // of the label, with kMix

  bool operator==(const AnswerRule&) const = default;
};

/// p_n of equation 6, (N, C + new classes) fp32: rows of the gold label hold 1 in its class. A
/// score of regression is mixed the same way; T is 1 there.
torch::Tensor answers_of(const KnowledgeBase& kb, const AnswerRule& rule, base::TaskKind kind);

/// (N) bool: rows that no teacher has answered.
torch::Tensor rows_without_teacher(const KnowledgeBase& kb);

/// p (B, C) with a column of zeros for each further class up to `classes`: those that who answered
/// cannot name. As it is where it has them all.
torch::Tensor widened(const torch::Tensor& probabilities, std::int64_t classes);

}  // namespace reaugkd::retrieval
