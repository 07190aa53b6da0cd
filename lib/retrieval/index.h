// Nearest neighbours by inner product (equation 5) behind one interface. indexes.h has the table of
// what implements it; docs/developer/adding-an-index.md shows how to add one.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "retrieval/index_options.h"

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

/// The first `width` of candidates, by (similarity descending, row ascending). Both (b, m) on one
/// device.
Neighbors ranked(const torch::Tensor& rows, const torch::Tensor& similarities, std::int64_t width);

/// A search over the keys of a knowledge base. What an index can do is asked here, never by its
/// type.
class Index {
 public:
  virtual ~Index() = default;
  /// Its name in the table of indexes.h.
  virtual std::string kind() const = 0;
  virtual std::int64_t size() const = 0;       // N
  virtual std::int64_t dimension() const = 0;  // D
  /// The k most similar rows to each of `queries` (B, D), fp32, on any device; the result is on the
  /// CPU. Equal similarities: the lower row first. k > N gives N neighbours and -1 for the rest.
  /// Throws NumericError if a query is not finite; an exact search also Interrupted, where the
  /// process was asked to stop.
  virtual Neighbors search(const torch::Tensor& queries, std::int64_t k) const = 0;
  /// search() with, for each query, rows that may not answer it: B lists. See search_excluding.
  virtual Neighbors search_without(const torch::Tensor& queries, std::int64_t k,
                                   const std::vector<std::vector<std::int64_t>>& excluded) const;

  /// Whether a search may miss neighbors, the fewer the more candidates it looks at.
  virtual bool approximate() const { return false; }
  /// How many candidates a search looks at, k at least. Of an approximate index.
  virtual std::int64_t candidates() const;
  /// The same from now on.
  virtual void set_candidates(std::int64_t candidates);
  /// Writes the index's file atomically. Throws IoError. Of a kind that has a file.
  virtual void save(const std::filesystem::path& path) const;

 protected:
  /// `queries` contiguous and without gradient, checked as search() says.
  torch::Tensor checked_queries(const torch::Tensor& queries, std::int64_t k) const;
};

/// search() with, for each query, knowledge-base rows that may not answer it: its own example, and
/// with `exclude_same_text` its duplicates. `excluded` has B lists.
Neighbors search_excluding(const Index& index, const torch::Tensor& queries, std::int64_t k,
                           const std::vector<std::vector<std::int64_t>>& excluded);

/// Takes what `found` (its row `from`) has for query `query`, and returns how much that is.
using TakeFound =
    std::function<std::int64_t(const Neighbors& found, std::int64_t from, std::int64_t query)>;

/// Searches `index` for `k` results of each query when `left_out` (B) of what it finds may not
/// answer: for k + 1 at once, which is enough for most, and for more where `take` is short of
/// `wanted`. How much is looked at for a query does not depend on the other queries.
void search_until_enough(const Index& index, const torch::Tensor& queries, std::int64_t k,
                         const std::vector<std::int64_t>& left_out, std::int64_t wanted,
                         const TakeFound& take);

/// Mean share of exact's neighbour ids that `found` has too.
double recall(const Neighbors& found, const Neighbors& exact);

}  // namespace reaugkd::retrieval
