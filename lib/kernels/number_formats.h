// Arithmetic of the kernels of this module, written so that compilers vectorise it: bf16 as bits,
// and exp to within a few units of fp32's last place.
#pragma once

#include <bit>
#include <cstdint>

// Into each clone of a kernel (core/vector_clones.h), so that it has the clone's instructions.
#define REAUGKD_INTO_CLONES [[gnu::always_inline]] inline

namespace reaugkd::kernels {

REAUGKD_INTO_CLONES float to_float(float value) {
  return value;
}

/// bf16, given as its bits.
REAUGKD_INTO_CLONES float to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

REAUGKD_INTO_CLONES void store(float value, float& to) {
  to = value;
}

/// Nearest bf16, ties to even; a NaN stays one unless its payload is all ones.
REAUGKD_INTO_CLONES void store(float value, std::uint16_t& to) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  to = static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

/// e^x for x <= 88, 0 below -87, where fp32's smallest normal number is. x = n ln 2 + r, and a
/// polynomial for e^r (Cephes' expf, S. Moshier).
REAUGKD_INTO_CLONES float exp_of(float x) {
  constexpr float kLowest = -87.0F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  const float clamped = x < kLowest ? kLowest : x;
  const float shifted = clamped * 1.44269504F + kRound;
  const float n = shifted - kRound;
  const float r = clamped - n * 0.693359375F - n * -2.12194440e-4F;
  float e = 1.9875691500e-4F;
  e = e * r + 1.3981999507e-3F;
  e = e * r + 8.3334519073e-3F;
  e = e * r + 4.1665795894e-2F;
  e = e * r + 1.6666665459e-1F;
  e = e * r + 5.0000001201e-1F;
  e = e * r * r + r + 1.0F;
  const auto power = (std::bit_cast<std::uint32_t>(shifted) + 127U) << 23;  // the bits of 2^n
  const float value = e * std::bit_cast<float>(power);
  return x < kLowest ? 0.0F : value;
}

}  // namespace reaugkd::kernels
