// Products of bf16 matrices whose result is not rounded to bf16.
#pragma once

#include <cstdint>

namespace reaugkd::kernels {

/// Whether there are such products: oneDNN is the one that LibTorch uses, and the processor has
/// AVX-512.
bool has_product_to_fp32();

/// c (m, n) = a b of a (m, k), or where `transposed` is set of its transpose (k, m), and b (k, n),
/// bf16's bits both; by OpenMP's threads. Only where has_product_to_fp32(). Throws std::bad_alloc.
void product_to_fp32(bool transposed, std::int64_t m, std::int64_t n, std::int64_t k,
                     const std::uint16_t* a, const std::uint16_t* b, float* c);

}  // namespace reaugkd::kernels
