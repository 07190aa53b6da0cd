#include "kernels/inner_product.h"

#include <cstring>

#include "kernels/vector_clones.h"

namespace reaugkd::kernels {
namespace {

constexpr std::int64_t kLanes = 16;
using Lanes __attribute__((vector_size(kLanes * sizeof(float)))) = float;

}  // namespace

REAUGKD_VECTOR_CLONES
float inner_product(const float* a, const float* b, std::int64_t n) {
  Lanes sums[4] = {};  // independent, so that additions need not wait for one another
  Lanes x, y;
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    for (int part = 0; part < 4; ++part) {
      std::memcpy(&x, a + i + part * kLanes, sizeof x);
      std::memcpy(&y, b + i + part * kLanes, sizeof y);
      sums[part] += x * y;
    }
  }
  for (; i + kLanes <= n; i += kLanes) {
    std::memcpy(&x, a + i, sizeof x);
    std::memcpy(&y, b + i, sizeof y);
    sums[0] += x * y;
  }
  const Lanes all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  float sum = 0;
  for (std::int64_t lane = 0; lane < kLanes; ++lane) sum += all[lane];
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace reaugkd::kernels
