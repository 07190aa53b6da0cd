// The exact search: a matrix product finds candidates; their similarities are then computed row by
// row, so that equal rows are equal whatever their place in the product, and sorted.
#include <ATen/Parallel.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "kernels/inner_product.h"
#include "retrieval/fp32_rows.h"
#include "retrieval/indexes.h"

namespace reaugkd::retrieval {
namespace {

// What a search takes beside the embeddings: 256 MiB, and where fp16 is to save memory at most a
// sixteenth of theirs, or 16 MiB.
constexpr std::int64_t kBlockFloats = 64 << 20;
constexpr std::int64_t kSmallestBlockFloats = 4 << 20;
// A similarity of unit vectors by matrix product and the same computed row by row differ by less
// than half of this.
constexpr double kRounding = 1e-6;
// Candidates beyond k. Most searches then see a clear gap below the k-th.
constexpr std::int64_t kSlack = 64;
constexpr std::int64_t kRowsPerTask = 64;
constexpr std::int64_t kRowsPerThread = 1024;  // of one query's search: fewer do not pay a thread

class ExactIndex final : public Index {
 public:
  ExactIndex(torch::Tensor embeddings, torch::Tensor rows)
      : embeddings_(std::move(embeddings)),
        rows_(std::move(rows)),
        reads_rows_(embeddings_.device().is_cpu() && embeddings_.scalar_type() == torch::kFloat32) {
  }

  std::string kind() const override { return kExactIndex; }
  std::int64_t size() const override { return embeddings_.size(0); }
  std::int64_t dimension() const override { return embeddings_.size(1); }
  Neighbors search(const torch::Tensor& queries, std::int64_t k) const override;

 private:
  Neighbors search_block(const torch::Tensor& block, std::int64_t width) const;
  Neighbors search_one(const torch::Tensor& query, std::int64_t width) const;
  Neighbors search_tied(const torch::Tensor& query, const torch::Tensor& rows,
                        std::int64_t width) const;
  torch::Tensor products(const torch::Tensor& block) const;
  torch::Tensor similarities_of(const torch::Tensor& queries, const torch::Tensor& rows) const;
  std::int64_t block_floats() const;

  torch::Tensor embeddings_;  // (N, D), fp32 or fp16
  torch::Tensor rows_;        // (N) the rows that these are, ascending; undefined: 0, 1, ...
  bool reads_rows_;           // whether the kernel can read them where they lie
};

Neighbors ExactIndex::search(const torch::Tensor& queries, std::int64_t k) const {
  const torch::NoGradGuard no_grad;
  const auto all = checked_queries(queries, k).to(embeddings_.device());  // (B, D)
  const std::int64_t width = std::min(k, size());
  const std::int64_t floats_per_query = std::max(size(), (width + kSlack) * dimension());
  const std::int64_t block = std::max<std::int64_t>(1, block_floats() / floats_per_query);
  Neighbors found = Neighbors::none(all.size(0), k);
  for (std::int64_t begin = 0; begin < all.size(0); begin += block) {
    base::stop_if_interrupted();
    const std::int64_t end = std::min(begin + block, all.size(0));
    const auto queries_of_block = all.slice(0, begin, end);
    const Neighbors part = end - begin == 1 && reads_rows_ ? search_one(queries_of_block, width)
                                                           : search_block(queries_of_block, width);
    found.indices.slice(0, begin, end).slice(1, 0, width).copy_(part.indices);
    found.similarities.slice(0, begin, end).slice(1, 0, width).copy_(part.similarities);
  }
  if (rows_.defined()) {
    auto places = found.indices.slice(1, 0, width);
    places.copy_(rows_.index_select(0, places.flatten()).view_as(places));
  }
  return found;
}

/// The `width` <= N best of each query of `block` (b, D).
Neighbors ExactIndex::search_block(const torch::Tensor& block, std::int64_t width) const {
  const auto all = products(block);  // (b, N)
  const std::int64_t candidates = std::min(width + kSlack, size());
  const auto [values, rows] = all.topk(candidates, 1);
  Neighbors found = ranked(rows, similarities_of(block, rows), width);
  if (candidates == size()) return found;

  // Where the last candidate is as good as the k-th, so may be rows that are no candidates.
  const auto threshold = values.select(1, width - 1) - kRounding;                     // (b)
  const auto tied = (values.select(1, candidates - 1) >= threshold).nonzero().cpu();  // (t, 1)
  for (std::int64_t i = 0; i < tied.size(0); ++i) {
    const auto query = tied[i].item<std::int64_t>();
    const auto close = (all[query] >= threshold[query]).nonzero().squeeze(1);
    const Neighbors exact = search_tied(block[query], close, width);
    found.indices[query].copy_(exact.indices[0]);
    found.similarities[query].copy_(exact.similarities[0]);
  }
  return found;
}

/// The `width` best of one query (1, D): each row's similarity once, and a list of the best so far
/// for each thread.
Neighbors ExactIndex::search_one(const torch::Tensor& query, std::int64_t width) const {
  using Found = std::pair<float, std::int64_t>;
  const auto before = [](const Found& a, const Found& b) {
    return a.first > b.first || (a.first == b.first && a.second < b.second);
  };
  const float* s = query.data_ptr<float>();
  const float* rows = embeddings_.data_ptr<float>();
  const auto most = static_cast<std::size_t>(width);
  std::vector<Found> all;
  std::mutex mutex;
  at::parallel_for(0, size(), kRowsPerThread, [&](std::int64_t begin, std::int64_t end) {
    std::vector<Found> best;  // a heap, the worst of them in front
    best.reserve(most + 1);
    for (std::int64_t row = begin; row < end; ++row) {
      const Found found{kernels::inner_product(s, rows + row * dimension(), dimension()), row};
      if (best.size() == most && !before(found, best.front())) continue;
      best.push_back(found);
      std::push_heap(best.begin(), best.end(), before);
      if (best.size() <= most) continue;
      std::pop_heap(best.begin(), best.end(), before);
      best.pop_back();
    }
    const std::lock_guard lock(mutex);
    all.insert(all.end(), best.begin(), best.end());
  });
  std::partial_sort(all.begin(), all.begin() + width, all.end(), before);
  auto result = Neighbors::none(1, width);
  for (std::int64_t i = 0; i < width; ++i) {
    result.similarities.data_ptr<float>()[i] = all[static_cast<std::size_t>(i)].first;
    result.indices.data_ptr<std::int64_t>()[i] = all[static_cast<std::size_t>(i)].second;
  }
  return result;
}

/// z.s of every row, (b, N), by matrix product.
torch::Tensor ExactIndex::products(const torch::Tensor& block) const {
  auto result = torch::empty({block.size(0), size()}, block.options());
  for_each_fp32_block(embeddings_, [&](std::int64_t begin, const torch::Tensor& rows) {
    auto part = result.slice(1, begin, begin + rows.size(0));
    if (block.size(0) == 1) {  // of fp16: a product with a matrix of one row would be slower
      auto vector = part[0];
      at::mv_out(vector, rows, block[0]);
    } else {
      at::mm_out(part, block, rows.t());
    }
  });
  return result;
}

std::int64_t ExactIndex::block_floats() const {
  if (embeddings_.scalar_type() == torch::kFloat32) return kBlockFloats;
  const std::int64_t sixteenth = embeddings_.numel() / 32;
  return std::clamp(sixteenth, kSmallestBlockFloats, kBlockFloats);
}

/// The best of `rows` (m) for one query (D), in pieces of bounded memory.
Neighbors ExactIndex::search_tied(const torch::Tensor& query, const torch::Tensor& rows,
                                  std::int64_t width) const {
  std::vector<torch::Tensor> similarities;
  for (const auto& piece : rows.split(std::max<std::int64_t>(1, block_floats() / dimension()))) {
    similarities.push_back(similarities_of(query.unsqueeze(0), piece.unsqueeze(0)));
  }
  return ranked(rows.unsqueeze(0), torch::cat(similarities, 1), width);
}

/// s.z of each query (b, D) and each of its rows (b, m), fp32; on the CPU by the HNSW index's
/// kernel.
torch::Tensor ExactIndex::similarities_of(const torch::Tensor& queries,
                                          const torch::Tensor& rows) const {
  if (!embeddings_.device().is_cpu()) {
    const auto vectors = embeddings_.index_select(0, rows.flatten())
                             .to(torch::kFloat32)
                             .view({rows.size(0), rows.size(1), dimension()});  // (b, m, D)
    return (vectors * queries.unsqueeze(1)).sum(2);
  }
  const auto result = torch::empty({rows.size(0), rows.size(1)}, torch::kFloat32);
  const auto row_of = rows.accessor<std::int64_t, 2>();
  auto similarity = result.accessor<float, 2>();
  const std::int64_t m = rows.size(1);
  at::parallel_for(0, rows.numel(), kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
    const auto vector_of = fp32_row_reader(embeddings_);
    for (std::int64_t i = begin; i < end; ++i) {
      const float* query = queries.data_ptr<float>() + i / m * dimension();
      similarity[i / m][i % m] =
          kernels::inner_product(query, vector_of(row_of[i / m][i % m]), dimension());
    }
  });
  return result;
}

}  // namespace

std::unique_ptr<Index> make_exact_index(const Keys& keys) {
  const auto& embeddings = keys.embeddings;
  REAUGKD_CHECK(embeddings.dim() == 2 && embeddings.size(0) > 0 && embeddings.size(1) > 0 &&
                    (embeddings.scalar_type() == torch::kFloat32 ||
                     embeddings.scalar_type() == torch::kFloat16),
                "embeddings are not (N, D) fp32 or fp16");
  return std::make_unique<ExactIndex>(
      keys.stored().detach().contiguous(),
      keys.rows.empty() ? torch::Tensor() : torch::tensor(keys.rows, torch::kInt64));
}

}  // namespace reaugkd::retrieval
