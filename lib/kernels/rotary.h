// The loop of rotary.h over plain memory.
#pragma once

#include <cstdint>

namespace reaugkd::kernels {

/// One head of one text.
struct RotaryShape {
  std::int64_t tokens;       // T
  std::int64_t half;         // d / 2
  std::int64_t from_stride;  // from one token's vector to the next one's
  std::int64_t to_stride;
};

/// Turns each pair (x[i], x[i + d/2]) of token t by the angle whose cosine and sine stand in row t
/// of `cosines` and `sines`, (T, d/2) each; direction -1 turns back.
void rotate(const RotaryShape& shape, const float* from, const float* cosines, const float* sines,
            float direction, float* to);
/// The same on bf16 values, given as their bits.
void rotate(const RotaryShape& shape, const std::uint16_t* from, const float* cosines,
            const float* sines, float direction, std::uint16_t* to);

}  // namespace reaugkd::kernels
