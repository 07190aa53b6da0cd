// The loops of packed_weights.h's 8-bit products.
#include "kernels/int8.h"

#include <algorithm>
#include <bit>

#include "kernels/vector_clones.h"

namespace reaugkd::kernels {
namespace {

constexpr float kLargest = 127;

}  // namespace

REAUGKD_VECTOR_CLONES
void round_to_int8(std::int64_t rows, std::int64_t k, const float* __restrict x,
                   std::int8_t* __restrict rounded, float* __restrict scales) {
  for (; rows > 0; --rows, x += k, rounded += k, ++scales) {
    std::int32_t bits = 0;  // floats without their sign are in the order of their bits
    for (std::int64_t i = 0; i < k; ++i) {
      bits = std::max(bits, std::bit_cast<std::int32_t>(x[i]) & 0x7FFFFFFF);
    }
    const auto largest = std::bit_cast<float>(bits);
    *scales = largest / kLargest;
    const float factor = largest > 1e-30F ? kLargest / largest : 0;  // 0 for NaN too
    for (std::int64_t i = 0; i < k; ++i) {
      // Adding and taking away 1.5 2^23 rounds to the nearest whole number.
      constexpr float kRounds = 12582912.0F;
      const float nearest = (x[i] * factor + kRounds) - kRounds;
      rounded[i] = static_cast<std::int8_t>(static_cast<std::int32_t>(nearest));
    }
  }
}

REAUGKD_VECTOR_CLONES
void scale_sums(std::int64_t rows, std::int64_t n, const std::int32_t* __restrict sums,
                const float* __restrict of_rows, const float* __restrict of_columns,
                float* __restrict y) {
  for (; rows > 0; --rows, sums += n, y += n, ++of_rows) {
    const float of_row = *of_rows;
    for (std::int64_t i = 0; i < n; ++i) {
      y[i] = static_cast<float>(sums[i]) * (of_row * of_columns[i]);
    }
  }
}

}  // namespace reaugkd::kernels
