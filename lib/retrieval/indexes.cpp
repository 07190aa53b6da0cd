// The table of indexes. Adding one is an entry here.
#include "retrieval/indexes.h"

#include <algorithm>
#include <deque>

#include "base/error.h"

namespace reaugkd::retrieval {
namespace {

std::deque<IndexKind>& table() {
  static std::deque<IndexKind> kinds = {
      {"hnsw", "index.hnsw", build_hnsw_index, load_hnsw_index},
      {kExactIndex, "",
       [](const torch::Tensor& embeddings, const IndexOptions&) {
         return make_exact_index(embeddings);
       },
       [](const std::filesystem::path&, const torch::Tensor& embeddings, const IndexOptions&) {
         return make_exact_index(embeddings);
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

}  // namespace reaugkd::retrieval
