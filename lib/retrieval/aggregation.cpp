#include "retrieval/aggregation.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace reaugkd::retrieval {

torch::Tensor aggregate(const Neighbors& neighbors, const torch::Tensor& soft_labels, double tau) {
  REAUGKD_CHECK(soft_labels.dim() == 2 && soft_labels.scalar_type() == torch::kFloat32 &&
                    soft_labels.device().is_cpu(),
                "soft_labels are not (N, C) fp32 on the CPU");
  REAUGKD_CHECK(tau > 0, "tau is {}", tau);
  const std::int64_t queries = neighbors.indices.size(0);
  const std::int64_t classes = soft_labels.size(1);
  const auto rows = neighbors.indices.accessor<std::int64_t, 2>();
  const auto similarities = neighbors.similarities.accessor<float, 2>();
  const auto teacher = soft_labels.accessor<float, 2>();
  auto result = torch::empty({queries, classes}, torch::kFloat32);
  auto p_kb = result.accessor<float, 2>();
  // A plain loop: for one query LibTorch's operators took 0.05 ms more
  // (docs/developer/performance.md).
  std::vector<double> weighted(static_cast<std::size_t>(classes));
  for (std::int64_t i = 0; i < queries; ++i) {
    REAUGKD_CHECK(rows[i][0] >= 0, "a query has no neighbour");
    // p^KB = sum_n softmax_n(s.z_n / tau') p^T_n, the exponents relative to the first, the largest.
    std::fill(weighted.begin(), weighted.end(), 0.0);
    double sum = 0;
    for (std::int64_t n = 0; n < neighbors.k() && rows[i][n] >= 0; ++n) {
      const double weight =
          std::exp((static_cast<double>(similarities[i][n]) - similarities[i][0]) / tau);
      sum += weight;
      for (std::int64_t c = 0; c < classes; ++c) weighted[c] += weight * teacher[rows[i][n]][c];
    }
    for (std::int64_t c = 0; c < classes; ++c) p_kb[i][c] = static_cast<float>(weighted[c] / sum);
  }
  return result;
}

ClassRows ClassRows::of(const torch::Tensor& soft_labels) {
  const auto class_of_row = soft_labels.argmax(1);
  return {class_of_row, torch::bincount(class_of_row, {}, soft_labels.size(1)).to(torch::kFloat64)};
}

Neighbors balanced(const Neighbors& neighbors, const ClassRows& rows, double balance, double tau,
                   const torch::Tensor& own_class) {
  if (balance == 0) return neighbors;
  const auto found = neighbors.indices.clamp_min(0);
  const auto classes = rows.class_of_row.index_select(0, found.flatten()).view(found.sizes());
  auto count = rows.count.index_select(0, classes.flatten()).view(found.sizes());
  if (own_class.defined()) {
    count = count - (classes == own_class.unsqueeze(1)).to(torch::kFloat64);
  }
  const auto correction = balance * tau * count.clamp_min(1).log();
  return {neighbors.indices, neighbors.similarities - correction.to(torch::kFloat32)};
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
