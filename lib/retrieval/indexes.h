// The table of indexes: each kind's name, its file, and how it is built and loaded.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "retrieval/index.h"
#include "retrieval/index_kinds.h"

namespace reaugkd::retrieval {

struct IndexKind {
  std::string name;       // in kb.json, and of the option `index`
  std::string file_name;  // in the knowledge base's directory; empty: none is written
  /// Over `embeddings` (N, D) of unit rows, fp32 or fp16.
  std::function<std::unique_ptr<Index>(const torch::Tensor& embeddings, const IndexOptions&)> build;
  /// From the file that it has written, checked to be over `embeddings`. Throws IoError, or
  /// ArtifactError that says which check failed.
  std::function<std::unique_ptr<Index>(const std::filesystem::path& path,
                                       const torch::Tensor& embeddings, const IndexOptions&)>
      load;
};

/// The kind of this name, or nullptr.
const IndexKind* find_index_kind(const std::string& name);
/// Adds a kind of a new name to the table, before anything is run: for tests and for programs that
/// embed the library.
void add_index_kind(IndexKind kind);

/// `embeddings` (N, D) of unit rows, fp32 or fp16, searched on the device they are on: a matrix
/// product and a top-k, in blocks of bounded memory, all in fp32; fp16 rows are converted on the
/// way. On the CPU a query's result does not depend on its batch.
std::unique_ptr<Index> make_exact_index(torch::Tensor embeddings);

/// Builds an HNSW graph (hnswlib) over `embeddings` (N, D), in fp32, on the CPU.
std::unique_ptr<Index> build_hnsw_index(const torch::Tensor& embeddings,
                                        const IndexOptions& options);

/// Reads hnswlib's own bytes and searches them where they lie, as a private map of the file. Sizes,
/// levels and link ids are checked before anything is searched, and the stored vectors must be
/// those of `embeddings`, fp32 or fp16. Throws IoError, or ArtifactError that says which check
/// failed.
std::unique_ptr<Index> load_hnsw_index(const std::filesystem::path& path,
                                       const torch::Tensor& embeddings,
                                       const IndexOptions& options);

}  // namespace reaugkd::retrieval
