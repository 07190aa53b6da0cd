#include "evaluation/retrieval_effect.h"

#include <algorithm>
#include <cmath>

#include "retrieval/aggregation.h"
#include "train/predict.h"

namespace reaugkd::evaluation {
namespace {

constexpr double kSameAnswers = 0.001;    // of the predictions
constexpr double kSameScoreShare = 0.01;  // of the range of the knowledge base's scores

/// p^KB (n, C), 0 where a query has no neighbor.
torch::Tensor answers(const retrieval::Neighbors& neighbors, const torch::Tensor& soft_labels,
                      double tau) {
  const auto answered = (neighbors.indices.select(1, 0) >= 0).nonzero().squeeze(1);
  auto p_kb = torch::zeros({neighbors.indices.size(0), soft_labels.size(1)});
  const retrieval::Neighbors some{neighbors.indices.index_select(0, answered),
                                  neighbors.similarities.index_select(0, answered)};
  return p_kb.index_copy_(0, answered, retrieval::aggregate(some, soft_labels, tau));
}

/// How many of the answers (n, C) are others than these.
std::int64_t changed_answers(const torch::Tensor& p_kb, const torch::Tensor& others,
                             const torch::Tensor& soft_labels) {
  if (soft_labels.size(1) > 1)
    return (p_kb.argmax(1) != others.argmax(1)).sum().item<std::int64_t>();
  const auto range = (soft_labels.max() - soft_labels.min()).item<double>();
  return ((p_kb - others).abs() > kSameScoreShare * range).sum().item<std::int64_t>();
}

}  // namespace

ChangedPredictions changed_predictions(const data::Task& task, const torch::Tensor& student,
                                       const torch::Tensor& knowledge_base,
                                       const torch::Tensor& combined,
                                       const std::vector<float>& labels) {
  constexpr auto kKind = base::TaskKind::kClassification;
  const auto before = train::decisions_of(student, kKind);
  const auto retrieved = train::decisions_of(knowledge_base, kKind);
  const auto after = train::decisions_of(combined, kKind);
  auto better = student.clone();
  std::int64_t changed = 0;
  std::int64_t wrong_to_right = 0;
  std::int64_t right_to_wrong = 0;
  const bool unlabelled =
      std::ranges::all_of(labels, [](float label) { return std::isnan(label); });
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (std::isnan(labels[i]) && !unlabelled) continue;
    const auto row = static_cast<std::int64_t>(i);
    changed += before[i] != after[i];
    wrong_to_right += before[i] != labels[i] && after[i] == labels[i];
    right_to_wrong += before[i] == labels[i] && after[i] != labels[i];
    if (before[i] != labels[i] && retrieved[i] == labels[i]) better[row] = knowledge_base[row];
  }
  if (unlabelled) return {changed, std::nullopt};
  return {changed, ChangedPredictions::Outcome{wrong_to_right, right_to_wrong,
                                               train::score(task, better, labels)}};
}

bool IndexAgreement::same_answers() const {
  return static_cast<double>(changed) <= kSameAnswers * static_cast<double>(examples);
}

IndexAgreement index_agreement(const retrieval::Neighbors& found, const retrieval::Neighbors& exact,
                               const torch::Tensor& soft_labels, double tau) {
  const auto p_kb = answers(found, soft_labels, tau);
  const auto p_kb_exact = answers(exact, soft_labels, tau);
  const auto difference = (p_kb - p_kb_exact).abs();
  return {retrieval::recall(found, exact), difference.mean().item<double>(),
          difference.max().item<double>(), found.indices.size(0),
          changed_answers(p_kb, p_kb_exact, soft_labels)};
}

}  // namespace reaugkd::evaluation
