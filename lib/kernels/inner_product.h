// s.z, the inner loop of equation 5. Used by both indexes.
#pragma once

#include <cstdint>

namespace reaugkd::kernels {

/// The inner product of two vectors of n fp32 values, anywhere in memory.
float inner_product(const float* a, const float* b, std::int64_t n);

}  // namespace reaugkd::kernels
