// From numbers to 8-bit ones and from their sums back (packed_weights.h).
#pragma once

#include <cstdint>

namespace reaugkd::kernels {

/// Each row of x (rows, k) as whole numbers -127 .. 127 times scales[row] = max |x| / 127, rounded
/// to the nearest, halves to even.
void round_to_int8(std::int64_t rows, std::int64_t k, const float* x, std::int8_t* rounded,
                   float* scales);

/// y (rows, n) = sums (rows, n) times the factors of their row, (rows), and of their column, (n).
void scale_sums(std::int64_t rows, std::int64_t n, const std::int32_t* sums, const float* of_rows,
                const float* of_columns, float* y);

}  // namespace reaugkd::kernels
