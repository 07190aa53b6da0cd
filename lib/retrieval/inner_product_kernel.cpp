#include "retrieval/inner_product_kernel.h"

#include <cstring>

#include "core/vector_clones.h"

namespace reaugkd::retrieval {
namespace {

using ByteProduct = std::int32_t(const std::uint8_t*, const std::int8_t*, std::int64_t);

REAUGKD_VECTOR_CLONES
std::int32_t byte_product(const std::uint8_t* a, const std::int8_t* b, std::int64_t n) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// GCC makes one instruction of 64 such products where it may: no level of x86-64 has it.
#ifdef REAUGKD_HAS_VECTOR_CLONES
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) std::int32_t byte_product_vnni(
    const std::uint8_t* a, const std::int8_t* b, std::int64_t n) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

ByteProduct* fastest_byte_product() {
  const bool vnni = __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512vl");
  return vnni ? byte_product_vnni : byte_product;
}
#else
ByteProduct* fastest_byte_product() {
  return byte_product;
}
#endif

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

std::int32_t inner_product(const std::uint8_t* a, const std::int8_t* b, std::int64_t n) {
  static ByteProduct* const product = fastest_byte_product();
  return product(a, b, n);
}

}  // namespace reaugkd::retrieval
