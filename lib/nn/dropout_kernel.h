// The loop of dropout.h over plain memory.
#pragma once

#include <cstdint>

namespace reaugkd::nn {

struct DropoutMask {
  std::uint64_t key;        // of the call
  std::uint32_t threshold;  // p * 2^32: a value is dropped whose hash is below
  float scale;              // 1 / (1 - p)
};

/// to[i] = from[i] * scale where the mask keeps position first + i, else 0. The way back is the
/// same with gradients.
void apply_dropout(const DropoutMask& mask, std::int64_t first, std::int64_t n, const float* from,
                   float* to);
/// The same on bf16 values, given as their bits.
void apply_dropout(const DropoutMask& mask, std::int64_t first, std::int64_t n,
                   const std::uint16_t* from, std::uint16_t* to);

}  // namespace reaugkd::nn
