// Nearest neighbours by inner product (equation 5) behind one interface: HNSW (Malkov and Yashunin,
// 2018; hnswlib) and an exact search. Used by project, build-kb and eval.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "retrieval/hnsw_options.h"

namespace reaugkd::retrieval {

/// What a search of B queries found, best first.
struct Neighbors {
  torch::Tensor indices;  // (B, k) int64, rows of the knowledge base; -1 where fewer were found
  torch::Tensor similarities;  // (B, k) fp32, z.s; -inf where indices is -1

  /// No neighbours yet: -1 and -inf, on the CPU.
  static Neighbors none(std::int64_t queries, std::int64_t k);

  std::int64_t k() const { return indices.size(1); }
  /// The first k columns, or all where there are fewer. (Fewer neighbours of a search are a prefix
  /// of more.)
  Neighbors first(std::int64_t k) const;
};

enum class IndexKind { kHnsw, kExact };

/// "hnsw", "exact".
std::string to_string(IndexKind kind);

class Index {
 public:
  virtual ~Index() = default;
  virtual IndexKind kind() const = 0;
  virtual std::int64_t size() const = 0;       // N
  virtual std::int64_t dimension() const = 0;  // D
  /// The k most similar rows to each of `queries` (B, D), fp32, on any device; the result is on the
  /// CPU. Equal similarities: the lower row first. k > N gives N neighbours and -1 for the rest.
  /// Throws NumericError if a query is not finite; an exact search also Interrupted, where the
  /// process was asked to stop.
  virtual Neighbors search(const torch::Tensor& queries, std::int64_t k) const = 0;

 protected:
  /// `queries` contiguous and without gradient, checked as search() says.
  torch::Tensor checked_queries(const torch::Tensor& queries, std::int64_t k) const;
};

/// `embeddings` (N, D) of unit rows, fp32 or fp16, searched on the device they are on: a matrix
/// product and a top-k, in blocks of bounded memory, all in fp32; fp16 rows are converted on the
/// way. On the CPU a query's result does not depend on its batch.
std::unique_ptr<Index> make_exact_index(torch::Tensor embeddings);

/// Builds an HNSW graph over `embeddings` (N, D), in fp32, on the CPU.
std::unique_ptr<Index> build_hnsw_index(const torch::Tensor& embeddings,
                                        const HnswOptions& options);

/// Writes hnswlib's own bytes, atomically. `index` must be an HNSW index. Throws IoError.
void save_hnsw_index(const Index& index, const std::filesystem::path& path);

/// How many candidates a search looks at, k at least. `index` must be an HNSW index.
std::int64_t ef_search(const Index& index);
/// The same from now on.
void set_ef_search(Index& index, std::int64_t ef_search);

/// Searches them where they lie, as a private map of the file. Sizes, levels and link ids are
/// checked before anything is searched, and the stored vectors must be those of `embeddings`, fp32
/// or fp16. Throws IoError, or ArtifactError that says which
/// check failed.
std::unique_ptr<Index> load_hnsw_index(const std::filesystem::path& path,
                                       const torch::Tensor& embeddings, const HnswOptions& options);

/// search() with, for each query, knowledge-base rows that may not answer it: its own example, and
/// with --exclude-same-text its duplicates. `excluded` has B lists.
Neighbors search_excluding(const Index& index, const torch::Tensor& queries, std::int64_t k,
                           const std::vector<std::vector<std::int64_t>>& excluded);

/// Mean share of exact's neighbour ids that `found` has too.
double recall(const Neighbors& found, const Neighbors& exact);

}  // namespace reaugkd::retrieval
