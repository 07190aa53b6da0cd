#include "evaluation/retrieval_effect.h"

#include <algorithm>
#include <cmath>

#include "retrieval/aggregation.h"
#include "train/predict.h"

namespace reaugkd::evaluation {

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

IndexAgreement index_agreement(const retrieval::Neighbors& found, const retrieval::Neighbors& exact,
                               const torch::Tensor& soft_labels, double tau) {
  const auto difference = (retrieval::aggregate(found, soft_labels, tau) -
                           retrieval::aggregate(exact, soft_labels, tau))
                              .abs();
  return {retrieval::recall(found, exact), difference.mean().item<double>(),
          difference.max().item<double>(), found.indices.size(0)};
}

}  // namespace reaugkd::evaluation
