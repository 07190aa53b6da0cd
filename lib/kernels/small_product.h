// Products of matrices that fit into a core's first caches: what attention multiplies for a text
// and a head. A call of BLAS costs more than the product there.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/number_formats.h"

namespace reaugkd::kernels {

constexpr std::int64_t kProductLanes = 16;  // columns come in multiples of it

/// n rounded up to whole vectors.
constexpr std::int64_t whole_lanes(std::int64_t n) {
  return (n + kProductLanes - 1) / kProductLanes * kProductLanes;
}

/// Row-major floats: the value at (i, j) is data[i * row + j * column].
struct Strided {
  const float* data;
  std::int64_t row, column = 1;
};

// A vector register of AVX-512; compilers take two or four smaller ones where there are none.
using Lanes = float __attribute__((vector_size(64)));

/// C(R, 16 V) = or += A(R, k) B(k, 16 V), held in registers.
template <int R, int V>
REAUGKD_INTO_CLONES void product_tile(std::int64_t k, Strided a, const float* b, std::int64_t ldb,
                                      float* c, std::int64_t ldc, bool add) {
  Lanes sums[R][V] = {};
  for (std::int64_t i = 0; i < k; ++i) {
    Lanes row[V];
    for (int v = 0; v < V; ++v) std::memcpy(&row[v], b + i * ldb + v * kProductLanes, 64);
    for (int r = 0; r < R; ++r) {
      const float factor = a.data[r * a.row + i * a.column];
      for (int v = 0; v < V; ++v) sums[r][v] += factor * row[v];
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) {
      float* to = c + r * ldc + v * kProductLanes;
      if (add) {
        Lanes before;
        std::memcpy(&before, to, 64);
        sums[r][v] += before;
      }
      std::memcpy(to, &sums[r][v], 64);
    }
  }
}

template <int V>
REAUGKD_INTO_CLONES void product_columns(std::int64_t m, std::int64_t k, Strided a, const float* b,
                                         std::int64_t ldb, float* c, std::int64_t ldc, bool add) {
  std::int64_t i = 0;
  for (; i + 4 <= m; i += 4) {
    product_tile<4, V>(k, {a.data + i * a.row, a.row, a.column}, b, ldb, c + i * ldc, ldc, add);
  }
  for (; i < m; ++i) {
    product_tile<1, V>(k, {a.data + i * a.row, a.row, a.column}, b, ldb, c + i * ldc, ldc, add);
  }
}

/// C (m, n) = A (m, k) B (k, n), or += where `add`; B's and C's rows lie ldb and ldc apart, n is
/// whole_lanes of something.
REAUGKD_INTO_CLONES void small_product(std::int64_t m, std::int64_t n, std::int64_t k, Strided a,
                                       const float* b, std::int64_t ldb, float* c, std::int64_t ldc,
                                       bool add = false) {
  std::int64_t j = 0;
  for (; j + 2 * kProductLanes <= n; j += 2 * kProductLanes) {
    product_columns<2>(m, k, a, b + j, ldb, c + j, ldc, add);
  }
  if (j < n) product_columns<1>(m, k, a, b + j, ldb, c + j, ldc, add);
}

}  // namespace reaugkd::kernels
