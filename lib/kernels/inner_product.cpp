#include "kernels/inner_product.h"

#include <bit>

#include "kernels/lanes.h"
#include "kernels/vector_clones.h"

namespace reaugkd::kernels {
namespace {

template <int Bytes>
REAUGKD_INTO_CLONES float product_of_width(const float* a, const float* b, std::int64_t n) {
  Lanes<Bytes> sums[4] = {};  // independent, so that additions need not wait for one another
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    for (int part = 0; part < 4; ++part) {
      sums[part].add_product(Lanes<Bytes>::load(a + i + part * kLanes),
                             Lanes<Bytes>::load(b + i + part * kLanes));
    }
  }
  for (; i + kLanes <= n; i += kLanes) {
    sums[0].add_product(Lanes<Bytes>::load(a + i), Lanes<Bytes>::load(b + i));
  }
  sums[0].add(sums[1]);
  sums[2].add(sums[3]);
  sums[0].add(sums[2]);
  float all[kLanes];
  sums[0].store(all);
  float sum = 0;
  for (const float lane : all) sum += lane;
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

REAUGKD_FOR_EACH_WIDTH(versions, float, product, (const float* a, const float* b, std::int64_t n),
                       (a, b, n), product_of_width)

}  // namespace

float inner_product(const float* a, const float* b, std::int64_t n) {
  return product(a, b, n);
}

REAUGKD_VECTOR_CLONES
bool all_finite(const float* values, std::int64_t n) {
  constexpr std::uint32_t kExponent = 0x7F800000U;  // all ones in what is not finite
  std::uint32_t wrong = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    wrong |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(values[i]) & kExponent) ==
                                        kExponent);
  }
  return wrong == 0;
}

}  // namespace reaugkd::kernels
