// The loop of dropout.h over plain memory.
#pragma once

#include <cstdint>

#include "kernels/number_formats.h"

namespace reaugkd::kernels {

struct DropoutMask {
  std::uint64_t key;        // of the call
  std::uint32_t threshold;  // p * 2^32: a value is dropped whose hash is below
  float scale;              // 1 / (1 - p)
};

/// A key whose lower half is n times this larger has the mask that begins n positions further on.
constexpr std::uint32_t kPositionStep = 0x9E3779B9U;

/// Whether the value at `position` stays: 32 random bits of it, by a multiply-xorshift hash
/// ("lowbias32", C. Wellons) with the key's halves mixed in before each round, reach the threshold.
REAUGKD_INTO_CLONES bool keeps(const DropoutMask& mask, std::uint32_t position) {
  std::uint32_t x = position * kPositionStep + static_cast<std::uint32_t>(mask.key);
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x += static_cast<std::uint32_t>(mask.key >> 32);
  x *= 0x846CA68BU;
  x ^= x >> 16;
  x *= 0x9E3779B1U;
  return (x ^ (x >> 15)) >= mask.threshold;
}

/// to[i] = from[i] * scale where the mask keeps position first + i, else 0. The way back is the
/// same with gradients.
void apply_dropout(const DropoutMask& mask, std::int64_t first, std::int64_t n, const float* from,
                   float* to);
/// The same on bf16 values, given as their bits.
void apply_dropout(const DropoutMask& mask, std::int64_t first, std::int64_t n,
                   const std::uint16_t* from, std::uint16_t* to);

}  // namespace reaugkd::kernels
