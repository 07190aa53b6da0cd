#include "retrieval/aggregation.h"

#include "core/error.h"

namespace reaugkd::retrieval {

torch::Tensor aggregate(const Neighbors& neighbors, const torch::Tensor& soft_labels, double tau) {
  REAUGKD_CHECK(soft_labels.dim() == 2 && soft_labels.scalar_type() == torch::kFloat32,
                "soft_labels are not (N, C) fp32");
  REAUGKD_CHECK(tau > 0, "tau is {}", tau);
  REAUGKD_CHECK((neighbors.indices >= 0).any(1).all().item<bool>(), "a query has no neighbour");
  const torch::NoGradGuard no_grad;
  const auto rows = neighbors.indices.to(soft_labels.device());               // (B, k)
  const auto similarities = neighbors.similarities.to(soft_labels.device());  // (B, k)
  // p^KB = sum_n softmax_n(s.z_n / tau') p^T_n. An empty slot has s.z = -inf: its weight is 0.
  const auto weights = torch::softmax(similarities / tau, 1);
  const auto teacher = soft_labels.index_select(0, rows.clamp_min(0).flatten())
                           .view({rows.size(0), rows.size(1), soft_labels.size(1)});  // (B, k, C)
  return (weights.unsqueeze(2) * teacher).sum(1);
}

torch::Tensor combine(const torch::Tensor& student, const torch::Tensor& knowledge_base,
                      const torch::Tensor& beta) {
  REAUGKD_CHECK(student.sizes() == knowledge_base.sizes() && beta.dim() == 1 &&
                    beta.size(0) == student.size(0),
                "the shapes differ");
  const auto weight = student.dim() == 1 ? beta : beta.unsqueeze(1);  // (B) or (B, 1)
  return weight.to(student.options()) * student +
         (1 - weight).to(student.options()) * knowledge_base;
}

}  // namespace reaugkd::retrieval
