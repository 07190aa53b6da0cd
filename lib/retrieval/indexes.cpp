// The table of indexes. Adding one is an entry here.
#include "retrieval/indexes.h"

#include <algorithm>
#include <deque>

#include "base/error.h"
#include "retrieval/distinct_keys.h"

namespace reaugkd::retrieval {
namespace {

constexpr double kWorthACopy = 0.75;  // distinct keys of the rows

std::vector<std::int64_t> rows_to_store(const DistinctKeys& keys) {
  return keys.every_row() ? std::vector<std::int64_t>{} : keys.first_rows;
}

bool worth_a_copy(const DistinctKeys& keys) {
  return static_cast<double>(keys.first_rows.size()) <=
         kWorthACopy * static_cast<double>(keys.first_of.size());
}

std::deque<IndexKind>& table() {
  static std::deque<IndexKind> kinds = {
      {"hnsw", "index.hnsw", build_hnsw_index, load_hnsw_index, hnsw_elements, extend_hnsw_index},
      {kExactIndex, "",
       [](const Keys& keys, const IndexOptions&) { return make_exact_index(keys); },
       [](const std::filesystem::path&, const Keys& keys, const IndexOptions&) {
         return make_exact_index(keys);
       }},
  };
  return kinds;
}

}  // namespace

std::vector<std::string> index_kinds() {
  std::vector<std::string> names;
  for (const auto& kind : table()) names.push_back(kind.name);
  return names;
}

const IndexKind* find_index_kind(const std::string& name) {
  const auto found = std::ranges::find(table(), name, &IndexKind::name);
  return found == table().end() ? nullptr : &*found;
}

void add_index_kind(IndexKind kind) {
  REAUGKD_CHECK(find_index_kind(kind.name) == nullptr, "there is an index {} already", kind.name);
  table().push_back(std::move(kind));
}

torch::Tensor Keys::stored(std::int64_t place) const {
  if (rows.empty()) return embeddings.slice(0, place);
  const std::vector<std::int64_t> wanted(rows.begin() + place, rows.end());
  return embeddings.index_select(0, torch::tensor(wanted, torch::kInt64).to(embeddings.device()));
}

std::unique_ptr<Index> build_index(const IndexKind& kind, const torch::Tensor& embeddings,
                                   const IndexOptions& options) {
  auto keys = distinct_keys(embeddings);
  if (kind.file_name.empty() && !worth_a_copy(keys)) return kind.build(embeddings, options);
  auto inner = kind.build({embeddings, rows_to_store(keys)}, options);
  return over_distinct_keys(std::move(keys), std::move(inner));
}

std::unique_ptr<Index> load_index_file(const IndexKind& kind, const std::filesystem::path& path,
                                       const torch::Tensor& embeddings,
                                       const IndexOptions& options) {
  const std::int64_t stored = kind.stored_keys ? kind.stored_keys(path) : -1;
  if (stored == embeddings.size(0)) return kind.load(path, embeddings, options);
  auto keys = distinct_keys(embeddings);
  auto inner = kind.load(path, {embeddings, rows_to_store(keys)}, options);
  return over_distinct_keys(std::move(keys), std::move(inner));
}

std::unique_ptr<Index> extend_index_file(const IndexKind& kind, const std::filesystem::path& path,
                                         std::int64_t known_rows, const torch::Tensor& embeddings,
                                         const IndexOptions& options) {
  REAUGKD_CHECK(known_rows >= 1 && known_rows <= embeddings.size(0), "{} of {} rows are known",
                known_rows, embeddings.size(0));
  if (!kind.extend) return nullptr;
  auto keys = distinct_keys(embeddings);
  const auto& first = keys.first_rows;
  const std::int64_t known = std::ranges::lower_bound(first, known_rows) - first.begin();
  const bool a_key_for_each_row = kind.stored_keys && kind.stored_keys(path) == known_rows;
  if (a_key_for_each_row && known < known_rows) return nullptr;
  auto inner = kind.extend(path, known, {embeddings, rows_to_store(keys)}, options);
  return over_distinct_keys(std::move(keys), std::move(inner));
}

}  // namespace reaugkd::retrieval
