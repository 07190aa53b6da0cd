// How a batch of texts is cut into slices that are computed on their own, each no wider than its
// longest text.
#pragma once

#include <cstdint>
#include <vector>

namespace reaugkd::models {

/// Rows [begin, end) of a batch, and of each the first `tokens` columns.
struct BatchSlice {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t tokens = 0;

  bool operator==(const BatchSlice&) const = default;
};

/// For each thread the slices that it computes, in the order of the rows. `lengths` (B) are the
/// texts' tokens, `columns` the batch's width. Threads get about equal numbers of tokens, and a
/// thread's rows are cut where that saves more padding than a slice more costs: where rows are in
/// order of length. `threads` is at most B.
std::vector<std::vector<BatchSlice>> slices_by_length(const std::vector<std::int64_t>& lengths,
                                                      std::int64_t columns, std::int64_t threads);

/// The same without a look at lengths: a slice a thread, of equal numbers of rows and whole width.
std::vector<std::vector<BatchSlice>> equal_slices(std::int64_t rows, std::int64_t columns,
                                                  std::int64_t threads);

}  // namespace reaugkd::models
