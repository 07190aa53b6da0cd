// The table of indexes: each kind's name, its file, and how it is built, loaded and extended.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "retrieval/index.h"
#include "retrieval/index_kinds.h"

namespace reaugkd::retrieval {

/// What an index stores: rows of a knowledge base, each with another key where build_index asks.
struct Keys {
  Keys(torch::Tensor of_all_rows, std::vector<std::int64_t> stored = {})
      : embeddings(std::move(of_all_rows)), rows(std::move(stored)) {}

  torch::Tensor embeddings;        // (N, D) of unit rows, fp32 or fp16
  std::vector<std::int64_t> rows;  // those to store, ascending; empty: all N

  std::int64_t size() const {
    return rows.empty() ? embeddings.size(0) : static_cast<std::int64_t>(rows.size());
  }
  /// The row that is stored at `place`, below size().
  std::int64_t row(std::int64_t place) const { return rows.empty() ? place : rows[place]; }
  /// The stored ones from `place` on, (size() - place, D): a copy where not all rows are stored.
  torch::Tensor stored(std::int64_t place = 0) const;
};

struct IndexKind {
  std::string name;       // in kb.json, and of the option `index`
  std::string file_name;  // in the knowledge base's directory; empty: none is written
  /// Over the stored ones of `keys`; a search gives their rows.
  std::function<std::unique_ptr<Index>(const Keys& keys, const IndexOptions&)> build;
  /// From the file that it has written, checked to hold `keys`. Throws IoError, or ArtifactError
  /// that says which check failed.
  std::function<std::unique_ptr<Index>(const std::filesystem::path& path, const Keys& keys,
                                       const IndexOptions&)>
      load;
  /// How many keys the file holds, or -1 where it does not say.
  std::function<std::int64_t(const std::filesystem::path& path)> stored_keys = {};
  /// The index of a file that holds the first `known` of `keys`, with the others inserted. May be
  /// left out: build-kb then builds anew.
  std::function<std::unique_ptr<Index>(const std::filesystem::path& path, std::int64_t known,
                                       const Keys& keys, const IndexOptions&)>
      extend = {};
};

/// An index of `kind` over `embeddings` (N, D) that stores each distinct key once. A kind without a
/// file, which would copy the keys in memory, does so where a quarter of the rows repeat one.
std::unique_ptr<Index> build_index(const IndexKind& kind, const torch::Tensor& embeddings,
                                   const IndexOptions& options);
/// The index of `kind` in the file `path`. Files of earlier versions hold a key for each row.
std::unique_ptr<Index> load_index_file(const IndexKind& kind, const std::filesystem::path& path,
                                       const torch::Tensor& embeddings,
                                       const IndexOptions& options);
/// The index of `kind` in the file `path`, which is over the first `known_rows` of `embeddings`,
/// with the other rows inserted; a row with a known key only joins it. Nothing where the kind
/// cannot, or where the file holds a repeated key more than once. Throws as load_index_file does.
std::unique_ptr<Index> extend_index_file(const IndexKind& kind, const std::filesystem::path& path,
                                         std::int64_t known_rows, const torch::Tensor& embeddings,
                                         const IndexOptions& options);

/// The kind of this name, or nullptr.
const IndexKind* find_index_kind(const std::string& name);
/// Adds a kind of a new name to the table, before anything is run: for tests and for programs that
/// embed the library.
void add_index_kind(IndexKind kind);

/// The stored ones of `keys`, searched on the device they are on: a matrix product and a top-k, in
/// blocks of bounded memory, all in fp32; fp16 rows are converted on the way. On the CPU a query's
/// result does not depend on its batch.
std::unique_ptr<Index> make_exact_index(const Keys& keys);
/// The same, searched on `device`. Keys that do not fit on a GPU beside a model stay where they
/// are, and go there in parts at each search.
std::unique_ptr<Index> make_exact_index_on(const Keys& keys, torch::Device device);
/// In parts of `rows_of_part` >= 1 rows, each searched on `device`: what make_exact_index finds.
std::unique_ptr<Index> make_exact_index_in_parts(const Keys& keys, torch::Device device,
                                                 std::int64_t rows_of_part);

/// Builds an HNSW graph (hnswlib) over the stored ones of `keys`, in fp32, on the CPU. The label of
/// an element is its row.
std::unique_ptr<Index> build_hnsw_index(const Keys& keys, const IndexOptions& options);

/// Reads hnswlib's own bytes and searches them where they lie, as a private map of the file. Sizes,
/// levels and link ids are checked before anything is searched, and labels and vectors must be
/// those of `keys`. Throws IoError, or ArtifactError that says which check failed.
std::unique_ptr<Index> load_hnsw_index(const std::filesystem::path& path, const Keys& keys,
                                       const IndexOptions& options);

/// How many elements the header counts, or -1 where there is none.
std::int64_t hnsw_elements(const std::filesystem::path& path);

/// Reads the file of the first `known` of `keys` as load_hnsw_index does, and inserts the others
/// into a copy of its graph. Their levels depend on the seed and on `known` only.
std::unique_ptr<Index> extend_hnsw_index(const std::filesystem::path& path, std::int64_t known,
                                         const Keys& keys, const IndexOptions& options);

}  // namespace reaugkd::retrieval
