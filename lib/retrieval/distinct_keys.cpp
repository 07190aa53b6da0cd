#include "retrieval/distinct_keys.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"

namespace reaugkd::retrieval {
namespace {

constexpr std::int64_t kRowsToHash = 4096;  // of a task

/// A row's bytes with their hash, so that threads can hash ahead.
struct HashedRow {
  std::string_view bytes;
  std::size_t hash;

  bool operator==(const HashedRow& other) const { return bytes == other.bytes; }
};

struct HashOfRow {
  std::size_t operator()(const HashedRow& row) const { return row.hash; }
};

class DistinctKeyIndex final : public Index {
 public:
  DistinctKeyIndex(DistinctKeys keys, std::unique_ptr<Index> inner)
      : keys_(std::move(keys)), inner_(std::move(inner)) {}

  std::string kind() const override { return inner_->kind(); }
  std::int64_t size() const override { return static_cast<std::int64_t>(keys_.first_of.size()); }
  std::int64_t dimension() const override { return inner_->dimension(); }
  Neighbors search(const torch::Tensor& queries, std::int64_t k) const override;
  Neighbors search_without(const torch::Tensor& queries, std::int64_t k,
                           const std::vector<std::vector<std::int64_t>>& excluded) const override;
  bool approximate() const override { return inner_->approximate(); }
  std::int64_t candidates() const override { return inner_->candidates(); }
  void set_candidates(std::int64_t candidates) override { inner_->set_candidates(candidates); }
  void save(const std::filesystem::path& path) const override { inner_->save(path); }

 private:
  using Rows = std::unordered_set<std::int64_t>;
  std::int64_t keys_left_out(const Rows& excluded) const;
  std::int64_t expand(const Neighbors& found, std::int64_t from, const Rows& excluded,
                      Neighbors& kept, std::int64_t query) const;

  DistinctKeys keys_;
  std::unique_ptr<Index> inner_;
};

/// How many keys have no row that is not in `excluded`.
std::int64_t DistinctKeyIndex::keys_left_out(const Rows& excluded) const {
  std::int64_t count = 0;
  for (const auto row : excluded) {
    if (keys_.first_of[row] != row) continue;
    auto next = row;
    while (next >= 0 && excluded.contains(next)) next = keys_.next_of[next];
    count += next < 0;
  }
  return count;
}

/// The rows behind row `from` of `found` without `excluded` become row `query` of `kept`; returns
/// how many it has. Of keys that are equally similar the rows are merged.
std::int64_t DistinctKeyIndex::expand(const Neighbors& found, std::int64_t from,
                                      const Rows& excluded, Neighbors& kept,
                                      std::int64_t query) const {
  const auto indices = found.indices.accessor<std::int64_t, 2>()[from];
  const auto similarities = found.similarities.accessor<float, 2>()[from];
  auto kept_indices = kept.indices.accessor<std::int64_t, 2>()[query];
  auto kept_similarities = kept.similarities.accessor<float, 2>()[query];
  std::int64_t slot = 0;
  std::vector<std::int64_t> rows;  // of one similarity
  for (std::int64_t j = 0; j < found.k() && slot < kept.k() && indices[j] >= 0;) {
    rows.clear();
    const float similarity = similarities[j];
    const std::int64_t before = j;
    for (; j < found.k() && indices[j] >= 0 && similarities[j] == similarity; ++j) {
      std::int64_t left = kept.k() - slot;  // of one key no more are needed
      for (auto row = indices[j]; row >= 0 && left > 0; row = keys_.next_of[row]) {
        if (excluded.contains(row)) continue;
        rows.push_back(row);
        --left;
      }
    }
    if (j - before > 1) std::sort(rows.begin(), rows.end());
    for (std::size_t i = 0; i < rows.size() && slot < kept.k(); ++i, ++slot) {
      kept_indices[slot] = rows[i];
      kept_similarities[slot] = similarity;
    }
  }
  return slot;
}

/// k keys have k rows at least. One more key is asked for: where it is as similar as the k-th, its
/// rows may be lower ones.
Neighbors DistinctKeyIndex::search(const torch::Tensor& queries, std::int64_t k) const {
  const Neighbors found = inner_->search(queries, std::min(k, inner_->size()) + 1);
  Neighbors kept = Neighbors::none(queries.size(0), k);
  for (std::int64_t i = 0; i < queries.size(0); ++i) expand(found, i, {}, kept, i);
  return kept;
}

/// Only keys that are left out with all of their rows make a search look further. One more key than
/// search() asks for, as Index::search_without does.
Neighbors DistinctKeyIndex::search_without(
    const torch::Tensor& queries, std::int64_t k,
    const std::vector<std::vector<std::int64_t>>& excluded) const {
  Neighbors kept = Neighbors::none(queries.size(0), k);
  std::vector<Rows> rows;
  std::vector<std::int64_t> left_out;
  for (const auto& list : excluded) {
    rows.emplace_back(list.begin(), list.end());
    left_out.push_back(keys_left_out(rows.back()));
  }
  search_until_enough(*inner_, queries, k + 1, left_out, k,
                      [&](const Neighbors& found, std::int64_t from, std::int64_t query) {
                        return expand(found, from, rows[static_cast<std::size_t>(query)], kept,
                                      query);
                      });
  return kept;
}

}  // namespace

DistinctKeys distinct_keys(const torch::Tensor& embeddings) {
  REAUGKD_CHECK(embeddings.dim() == 2 && embeddings.device().is_cpu(),
                "embeddings are not (N, D) on the CPU");
  const auto values = embeddings.detach().contiguous();
  const auto row_bytes = static_cast<std::size_t>(values.size(1) * values.element_size());
  const char* bytes = static_cast<const char*>(values.data_ptr());
  const auto count = static_cast<std::size_t>(values.size(0));
  std::vector<HashedRow> rows(count);
  at::parallel_for(0, values.size(0), kRowsToHash, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      rows[i].bytes = {bytes + i * row_bytes, row_bytes};
      rows[i].hash = std::hash<std::string_view>()(rows[i].bytes);
    }
  });
  DistinctKeys keys;
  keys.first_of.resize(count);
  keys.next_of.assign(count, -1);
  std::unordered_map<HashedRow, std::int64_t, HashOfRow> last_with;  // the last row with this key
  last_with.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto row = static_cast<std::int64_t>(i);
    const auto [known, added] = last_with.emplace(rows[i], row);
    if (added) {
      keys.first_rows.push_back(row);
      keys.first_of[i] = row;
    } else {
      keys.next_of[known->second] = row;
      keys.first_of[i] = keys.first_of[known->second];
      known->second = row;
    }
  }
  return keys;
}

std::unique_ptr<Index> over_distinct_keys(DistinctKeys keys, std::unique_ptr<Index> inner) {
  REAUGKD_CHECK(inner->size() == static_cast<std::int64_t>(keys.first_rows.size()),
                "the index holds {} keys of {}", inner->size(), keys.first_rows.size());
  if (keys.every_row()) return inner;
  return std::make_unique<DistinctKeyIndex>(std::move(keys), std::move(inner));
}

}  // namespace reaugkd::retrieval
