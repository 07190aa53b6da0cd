// s.z, the inner loop of equation 5, and what is asked of a query before. Used by both indexes.
#pragma once

#include <cstdint>

namespace reaugkd::kernels {

/// The inner product of two vectors of n fp32 values, anywhere in memory.
float inner_product(const float* a, const float* b, std::int64_t n);

/// Whether none of the n values is infinite or not a number.
bool all_finite(const float* values, std::int64_t n);

}  // namespace reaugkd::kernels
