#include "retrieval/answers.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"

namespace reaugkd::retrieval {
namespace {

constexpr std::array<std::pair<const char*, AnswerSource>, 4> kSources = {
    {{"auto", AnswerSource::kAuto},
     {"teacher", AnswerSource::kTeacher},
     {"labels", AnswerSource::kLabels},
     {"mix", AnswerSource::kMix}}};

/// 1 in the label's class, or the score; zeros where there is no label. (N, classes)
torch::Tensor gold(const KnowledgeBase& kb, base::TaskKind kind) {
  auto labels = torch::nan_to_num(kb.labels, 0.0).unsqueeze(1);
  if (kind == base::TaskKind::kRegression) return labels;
  const auto known = kb.labels.isnan().logical_not().to(torch::kFloat32).unsqueeze(1);
  return torch::zeros({kb.size(), kb.num_classes()}).scatter(1, labels.to(torch::kInt64), known);
}

/// The share of the label in each row's answer, (N, 1).
torch::Tensor share_of_label(const KnowledgeBase& kb, const AnswerRule& rule) {
  const auto unseen = rows_without_teacher(kb);
  const auto labelled = kb.labels.isnan().logical_not();
  auto share = torch::zeros({kb.size()});
  if (rule.source == AnswerSource::kAuto) share = kb.label_answers.to(torch::kFloat32);
  if (rule.source == AnswerSource::kLabels) share = labelled.to(torch::kFloat32);
  if (rule.source == AnswerSource::kMix) share = rule.label_weight * labelled.to(torch::kFloat32);
  return share.masked_fill(unseen, 1.0).unsqueeze(1);
}

}  // namespace

AnswerSource parse_answer_source(const std::string& text) {
  const auto* found = std::ranges::find(kSources, text, [](const auto& e) { return e.first; });
  if (found != kSources.end()) return found->second;
  throw base::ConfigError("`soft_labels`: \"{}\" is not one of auto, teacher, labels, mix", text);
}

std::string to_string(AnswerSource source) {
  return std::ranges::find(kSources, source, [](const auto& e) { return e.second; })->first;
}

torch::Tensor answers_of(const KnowledgeBase& kb, const AnswerRule& rule, base::TaskKind kind) {
  REAUGKD_CHECK(rule.temperature > 0 && rule.label_weight >= 0 && rule.label_weight <= 1,
                "T {}, weight of the label {}", rule.temperature, rule.label_weight);
  REAUGKD_CHECK(kind == base::TaskKind::kClassification || rule.temperature == 1,
                "a score has no temperature");
  auto teacher =
      rule.temperature == 1 ? kb.soft_labels : torch::softmax(kb.logits / rule.temperature, 1);
  const auto share = share_of_label(kb, rule);
  if (kb.new_classes.empty() && !share.any().item<bool>()) return teacher;  // bit by bit
  const auto of_teacher = widened(torch::nan_to_num(teacher, 0.0), kb.num_classes());
  return share * gold(kb, kind) + (1 - share) * of_teacher;
}

torch::Tensor rows_without_teacher(const KnowledgeBase& kb) {
  return kb.logits.isnan().all(1);
}

torch::Tensor widened(const torch::Tensor& probabilities, std::int64_t classes) {
  const auto missing = classes - probabilities.size(1);
  REAUGKD_CHECK(missing >= 0, "{} classes for {}", probabilities.size(1), classes);
  if (missing == 0) return probabilities;
  return torch::constant_pad_nd(probabilities, {0, missing});
}

}  // namespace reaugkd::retrieval
