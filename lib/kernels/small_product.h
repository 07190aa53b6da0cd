// Products of matrices that fit into a core's first caches: what attention multiplies for a text
// and a head. A call of BLAS costs more than the product there.
#pragma once

#include <cstdint>

#include "kernels/lanes.h"

namespace reaugkd::kernels {

/// n rounded up to whole vectors.
constexpr std::int64_t whole_lanes(std::int64_t n) {
  return (n + kLanes - 1) / kLanes * kLanes;
}

/// Row-major floats: the value at (i, j) is data[i * row + j * column].
struct Strided {
  const float* data;
  std::int64_t row, column = 1;
};

/// C(R, 16 V) = or += A(R, k) B(k, 16 V), held in registers.
template <int Bytes, int R, int V>
REAUGKD_INTO_CLONES void product_tile(std::int64_t k, Strided a, const float* b, std::int64_t ldb,
                                      float* c, std::int64_t ldc, bool add) {
  Lanes<Bytes> sums[R][V] = {};
  for (std::int64_t i = 0; i < k; ++i) {
    Lanes<Bytes> row[V];
    for (int v = 0; v < V; ++v) row[v] = Lanes<Bytes>::load(b + i * ldb + v * kLanes);
    for (int r = 0; r < R; ++r) {
      const float factor = a.data[r * a.row + i * a.column];
      for (int v = 0; v < V; ++v) sums[r][v].add_product(factor, row[v]);
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) {
      float* to = c + r * ldc + v * kLanes;
      if (add) sums[r][v].add(Lanes<Bytes>::load(to));
      sums[r][v].store(to);
    }
  }
}

template <int Bytes, int V>
REAUGKD_INTO_CLONES void product_columns(std::int64_t m, std::int64_t k, Strided a, const float* b,
                                         std::int64_t ldb, float* c, std::int64_t ldc, bool add) {
  constexpr int kRows = Bytes >= 32 ? 4 : 2;  // as many sums as there are registers for
  std::int64_t i = 0;
  for (; i + kRows <= m; i += kRows) {
    product_tile<Bytes, kRows, V>(k, {a.data + i * a.row, a.row, a.column}, b, ldb, c + i * ldc,
                                  ldc, add);
  }
  for (; i < m; ++i) {
    product_tile<Bytes, 1, V>(k, {a.data + i * a.row, a.row, a.column}, b, ldb, c + i * ldc, ldc,
                              add);
  }
}

/// C (m, n) = A (m, k) B (k, n), or += where `add`; B's and C's rows lie ldb and ldc apart, n is
/// whole_lanes of something.
template <int Bytes>
REAUGKD_INTO_CLONES void small_product(std::int64_t m, std::int64_t n, std::int64_t k, Strided a,
                                       const float* b, std::int64_t ldb, float* c, std::int64_t ldc,
                                       bool add = false) {
  constexpr int kColumns = Bytes == 64 ? 2 : 1;
  std::int64_t j = 0;
  for (; j + kColumns * kLanes <= n; j += kColumns * kLanes) {
    product_columns<Bytes, kColumns>(m, k, a, b + j, ldb, c + j, ldc, add);
  }
  if (j < n) product_columns<Bytes, 1>(m, k, a, b + j, ldb, c + j, ldc, add);
}

}  // namespace reaugkd::kernels
