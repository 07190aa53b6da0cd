#include "retrieval/index.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "core/error.h"

namespace reaugkd::retrieval {

Neighbors Neighbors::none(std::int64_t queries, std::int64_t k) {
  return {torch::full({queries, k}, -1, torch::kInt64),
          torch::full({queries, k}, -std::numeric_limits<float>::infinity(), torch::kFloat32)};
}

Neighbors Neighbors::first(std::int64_t k) const {
  REAUGKD_CHECK(k >= 1, "k is {}", k);
  const std::int64_t columns = std::min(k, this->k());
  return {indices.slice(1, 0, columns), similarities.slice(1, 0, columns)};
}

std::string to_string(IndexKind kind) {
  return kind == IndexKind::kHnsw ? "hnsw" : "exact";
}

torch::Tensor Index::checked_queries(const torch::Tensor& queries, std::int64_t k) const {
  REAUGKD_CHECK(queries.dim() == 2 && queries.size(1) == dimension() &&
                    queries.scalar_type() == torch::kFloat32,
                "queries are not (B, {}) fp32", dimension());
  REAUGKD_CHECK(k >= 1, "k is {}", k);
  torch::Tensor values = queries.detach().contiguous();
  if (!values.isfinite().all().item<bool>()) {
    throw core::NumericError(
        "a student embedding to search the knowledge base with is not finite: the student has "
        "diverged");
  }
  return values;
}

Neighbors search_excluding(const Index& index, const torch::Tensor& queries, std::int64_t k,
                           const std::vector<std::vector<std::int64_t>>& excluded) {
  const auto count = static_cast<std::size_t>(queries.size(0));
  REAUGKD_CHECK(excluded.size() == count, "{} lists for {} queries", excluded.size(), count);
  std::size_t most = 0;
  for (const auto& rows : excluded) most = std::max(most, rows.size());
  const auto asked = std::min(k + static_cast<std::int64_t>(most), std::max(k, index.size()));
  const Neighbors found = index.search(queries, asked);

  Neighbors kept = Neighbors::none(queries.size(0), k);
  const auto from = found.indices.accessor<std::int64_t, 2>();
  const auto from_similarity = found.similarities.accessor<float, 2>();
  auto to = kept.indices.accessor<std::int64_t, 2>();
  auto to_similarity = kept.similarities.accessor<float, 2>();
  for (std::int64_t i = 0; i < queries.size(0); ++i) {
    const auto& rows = excluded[static_cast<std::size_t>(i)];
    const std::unordered_set<std::int64_t> own(rows.begin(), rows.end());
    std::int64_t slot = 0;
    for (std::int64_t j = 0; j < asked && slot < k && from[i][j] >= 0; ++j) {
      if (own.contains(from[i][j])) continue;
      to[i][slot] = from[i][j];
      to_similarity[i][slot] = from_similarity[i][j];
      ++slot;
    }
  }
  return kept;
}

double recall(const Neighbors& found, const Neighbors& exact) {
  REAUGKD_CHECK(found.indices.size(0) == exact.indices.size(0), "the numbers of queries differ");
  const auto have = found.indices.accessor<std::int64_t, 2>();
  const auto want = exact.indices.accessor<std::int64_t, 2>();
  double sum = 0;
  std::int64_t counted = 0;  // queries that have a neighbour at all
  for (std::int64_t i = 0; i < want.size(0); ++i) {
    std::unordered_set<std::int64_t> rows;
    for (std::int64_t j = 0; j < have.size(1); ++j) rows.insert(have[i][j]);
    int hits = 0;
    int wanted = 0;
    for (std::int64_t j = 0; j < want.size(1) && want[i][j] >= 0; ++j) {
      hits += rows.contains(want[i][j]) ? 1 : 0;
      ++wanted;
    }
    if (wanted == 0) continue;
    sum += static_cast<double>(hits) / wanted;
    ++counted;
  }
  REAUGKD_CHECK(counted > 0, "nothing to recall");
  return sum / static_cast<double>(counted);
}

}  // namespace reaugkd::retrieval
