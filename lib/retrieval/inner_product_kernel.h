// s.z, the inner loop of equation 5. Used by both indexes; of bytes by HNSW's codes.
#pragma once

#include <cstdint>

namespace reaugkd::retrieval {

/// The inner product of two vectors of n fp32 values, anywhere in memory.
float inner_product(const float* a, const float* b, std::int64_t n);
/// Of two vectors of n bytes, n at most 65,536.
std::int32_t inner_product(const std::uint8_t* a, const std::int8_t* b, std::int64_t n);

}  // namespace reaugkd::retrieval
