#include "retrieval/index.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <unordered_set>

#include "base/error.h"
#include "kernels/inner_product.h"

namespace reaugkd::retrieval {

Neighbors Neighbors::none(std::int64_t queries, std::int64_t k) {
  Neighbors none{torch::empty({queries, k}, torch::kInt64), torch::empty({queries, k})};
  std::fill_n(none.indices.data_ptr<std::int64_t>(), queries * k, -1);
  std::fill_n(none.similarities.data_ptr<float>(), queries * k,
              -std::numeric_limits<float>::infinity());
  return none;
}

Neighbors Neighbors::first(std::int64_t k) const {
  REAUGKD_CHECK(k >= 1, "k is {}", k);
  const std::int64_t columns = std::min(k, this->k());
  return {indices.slice(1, 0, columns), similarities.slice(1, 0, columns)};
}

Neighbors ranked(const torch::Tensor& rows, const torch::Tensor& similarities, std::int64_t width) {
  const auto [ascending, by_row] = rows.sort(1);
  const auto [best, by_similarity] =
      similarities.gather(1, by_row).sort(/*stable=*/true, /*dim=*/1, /*descending=*/true);
  return Neighbors{ascending.gather(1, by_similarity), best}.first(width);
}

std::int64_t Index::candidates() const {
  throw base::InternalError("an index of kind {} has no candidates", kind());
}

void Index::set_candidates(std::int64_t candidates) {
  throw base::InternalError("an index of kind {} takes no {} candidates", kind(), candidates);
}

void Index::save(const std::filesystem::path& path) const {
  throw base::InternalError("{}: an index of kind {} has no file", path.string(), kind());
}

torch::Tensor Index::checked_queries(const torch::Tensor& queries, std::int64_t k) const {
  REAUGKD_CHECK(queries.dim() == 2 && queries.size(1) == dimension() &&
                    queries.scalar_type() == torch::kFloat32,
                "queries are not (B, {}) fp32", dimension());
  REAUGKD_CHECK(k >= 1, "k is {}", k);
  torch::Tensor values = queries.detach().contiguous();
  const bool finite = values.device().is_cpu()
                          ? kernels::all_finite(values.data_ptr<float>(), values.numel())
                          : values.isfinite().all().item<bool>();
  if (!finite) {
    throw base::NumericError(
        "a student embedding to search the knowledge base with is not finite: the student has "
        "diverged");
  }
  return values;
}

namespace {

constexpr std::int64_t kMoreAgain = 8;

/// Row `from` of `found` without `excluded` becomes row `to` of `kept`; returns how many it has.
std::int64_t keep(const Neighbors& found, std::int64_t from,
                  const std::vector<std::int64_t>& excluded, Neighbors& kept, std::int64_t to) {
  const auto indices = found.indices.accessor<std::int64_t, 2>()[from];
  const auto similarities = found.similarities.accessor<float, 2>()[from];
  const std::unordered_set<std::int64_t> own(excluded.begin(), excluded.end());
  auto kept_indices = kept.indices.accessor<std::int64_t, 2>()[to];
  auto kept_similarities = kept.similarities.accessor<float, 2>()[to];
  std::int64_t slot = 0;
  for (std::int64_t j = 0; j < found.k() && slot < kept.k() && indices[j] >= 0; ++j) {
    if (own.contains(indices[j])) continue;
    kept_indices[slot] = indices[j];
    kept_similarities[slot] = similarities[j];
    ++slot;
  }
  return slot;
}

}  // namespace

void search_until_enough(const Index& index, const torch::Tensor& queries, std::int64_t k,
                         const std::vector<std::int64_t>& left_out, std::int64_t wanted,
                         const TakeFound& take) {
  std::vector<std::int64_t> waiting(left_out.size());
  std::iota(waiting.begin(), waiting.end(), 0);
  for (std::int64_t more = 1; !waiting.empty(); more *= kMoreAgain) {
    const auto asked = std::min(k + more, std::max(k, index.size()));
    const auto places = torch::tensor(waiting, torch::kInt64);
    const Neighbors found = index.search(
        more == 1 ? queries : queries.index_select(0, places.to(queries.device())), asked);
    std::vector<std::int64_t> short_of;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      const auto query = waiting[i];
      const auto got = take(found, static_cast<std::int64_t>(i), query);
      if (got < wanted && left_out[static_cast<std::size_t>(query)] > more &&
          asked < index.size()) {
        short_of.push_back(query);
      }
    }
    waiting = std::move(short_of);
  }
}

Neighbors Index::search_without(const torch::Tensor& queries, std::int64_t k,
                                const std::vector<std::vector<std::int64_t>>& excluded) const {
  Neighbors kept = Neighbors::none(queries.size(0), k);
  std::vector<std::int64_t> left_out;
  for (const auto& rows : excluded) left_out.push_back(static_cast<std::int64_t>(rows.size()));
  search_until_enough(*this, queries, k, left_out, k,
                      [&](const Neighbors& found, std::int64_t from, std::int64_t query) {
                        return keep(found, from, excluded[static_cast<std::size_t>(query)], kept,
                                    query);
                      });
  return kept;
}

Neighbors search_excluding(const Index& index, const torch::Tensor& queries, std::int64_t k,
                           const std::vector<std::vector<std::int64_t>>& excluded) {
  const auto count = static_cast<std::size_t>(queries.size(0));
  REAUGKD_CHECK(excluded.size() == count, "{} lists for {} queries", excluded.size(), count);
  return index.search_without(queries, k, excluded);
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
