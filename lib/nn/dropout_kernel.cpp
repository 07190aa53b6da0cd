#include "nn/dropout_kernel.h"

#include <bit>

#include "core/vector_clones.h"

namespace reaugkd::nn {
namespace {

/// 32 random bits of a position: a multiply-xorshift hash ("lowbias32", C. Wellons) with the key's
/// halves mixed in before each round.
inline std::uint32_t hash(std::uint64_t key, std::uint32_t position) {
  std::uint32_t x = position * 0x9E3779B9U + static_cast<std::uint32_t>(key);
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x += static_cast<std::uint32_t>(key >> 32);
  x *= 0x846CA68BU;
  x ^= x >> 16;
  x *= 0x9E3779B1U;
  return x ^ (x >> 15);
}

inline float bf16_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// Nearest, ties to even; values here are finite or were not finite before.
inline std::uint16_t float_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace

REAUGKD_VECTOR_CLONES
void apply_dropout(const DropoutMask& mask, std::int64_t first, std::int64_t n,
                   const float* __restrict from, float* __restrict to) {
  const DropoutMask m = mask;
  const auto start = static_cast<std::uint32_t>(first);
  for (std::int64_t i = 0; i < n; ++i) {
    const bool keep = hash(m.key, start + static_cast<std::uint32_t>(i)) >= m.threshold;
    to[i] = keep ? from[i] * m.scale : 0.0F;
  }
}

REAUGKD_VECTOR_CLONES
void apply_dropout(const DropoutMask& mask, std::int64_t first, std::int64_t n,
                   const std::uint16_t* __restrict from, std::uint16_t* __restrict to) {
  const DropoutMask m = mask;
  const auto start = static_cast<std::uint32_t>(first);
  for (std::int64_t i = 0; i < n; ++i) {
    const bool keep = hash(m.key, start + static_cast<std::uint32_t>(i)) >= m.threshold;
    const std::uint16_t scaled = float_to_bf16(bf16_to_float(from[i]) * m.scale);
    to[i] = keep ? scaled : std::uint16_t{0};
  }
}

}  // namespace reaugkd::nn
