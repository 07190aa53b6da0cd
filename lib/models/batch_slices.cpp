#include "models/batch_slices.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace reaugkd::models {
namespace {

constexpr std::int64_t kPadMultiple = 8;   // what matrix units like
constexpr std::int64_t kSliceTokens = 64;  // what a slice costs beside its tokens, in tokens

/// The cheapest cut of rows [begin, end) by dynamic programming: a slice costs its rows times its
/// longest row, and kSliceTokens.
std::vector<BatchSlice> cheapest_cut(const std::vector<std::int64_t>& widths, std::int64_t begin,
                                     std::int64_t end) {
  const auto n = static_cast<std::size_t>(end - begin);
  std::vector<std::int64_t> cost(n + 1, std::numeric_limits<std::int64_t>::max());
  std::vector<std::size_t> from(n + 1, 0);
  cost[0] = 0;
  for (std::size_t to = 1; to <= n; ++to) {
    std::int64_t widest = 0;
    for (std::size_t first = to; first-- > 0;) {
      widest = std::max(widest, widths[static_cast<std::size_t>(begin) + first]);
      const auto rows = static_cast<std::int64_t>(to - first);
      const std::int64_t with = cost[first] + rows * widest + kSliceTokens;
      if (with < cost[to]) {
        cost[to] = with;
        from[to] = first;
      }
    }
  }
  std::vector<BatchSlice> slices;
  for (std::size_t to = n; to > 0; to = from[to]) {
    const auto first = begin + static_cast<std::int64_t>(from[to]);
    const auto last = begin + static_cast<std::int64_t>(to);
    slices.push_back(
        {first, last, *std::max_element(widths.begin() + first, widths.begin() + last)});
  }
  std::reverse(slices.begin(), slices.end());
  return slices;
}

/// Where each thread's rows begin, and the end: about equal sums of widths, a row each at least.
std::vector<std::int64_t> shares(const std::vector<std::int64_t>& widths, std::int64_t threads) {
  const auto rows = static_cast<std::int64_t>(widths.size());
  std::int64_t total = 0;
  for (const auto width : widths) total += width;
  std::vector<std::int64_t> begins = {0};
  std::int64_t sum = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto given = static_cast<std::int64_t>(begins.size());  // threads that have a beginning
    const bool enough = 2 * sum * threads >= (2 * total * given) - (widths[row] * threads);
    const bool must = rows - row == threads - given;
    if (given < threads && row > begins.back() && (enough || must)) begins.push_back(row);
    sum += widths[row];
  }
  begins.push_back(rows);
  return begins;
}

}  // namespace

std::vector<std::vector<BatchSlice>> slices_by_length(const std::vector<std::int64_t>& lengths,
                                                      std::int64_t columns, std::int64_t threads) {
  REAUGKD_CHECK(threads > 0 && static_cast<std::size_t>(threads) <= lengths.size(),
                "{} threads for {} rows", threads, lengths.size());
  std::vector<std::int64_t> widths;
  for (const auto length : lengths) {
    const auto padded = (std::max<std::int64_t>(length, 1) + kPadMultiple - 1) / kPadMultiple;
    widths.push_back(std::min(padded * kPadMultiple, columns));
  }
  const auto begins = shares(widths, threads);
  std::vector<std::vector<BatchSlice>> of_threads;
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    of_threads.push_back(cheapest_cut(widths, begins[i], begins[i + 1]));
  }
  return of_threads;
}

std::vector<std::vector<BatchSlice>> equal_slices(std::int64_t rows, std::int64_t columns,
                                                  std::int64_t threads) {
  std::vector<std::vector<BatchSlice>> of_threads;
  for (std::int64_t i = 0; i < threads; ++i) {
    of_threads.push_back({{rows * i / threads, rows * (i + 1) / threads, columns}});
  }
  return of_threads;
}

}  // namespace reaugkd::models
