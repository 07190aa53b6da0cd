#include "kernels/rotary.h"

#include "kernels/number_formats.h"
#include "kernels/vector_clones.h"

namespace reaugkd::kernels {
namespace {

template <typename Value>
REAUGKD_INTO_CLONES void turn(const RotaryShape& shape, const Value* __restrict from,
                              const float* __restrict cosines, const float* __restrict sines,
                              float direction, Value* __restrict to) {
  const std::int64_t half = shape.half;
  for (std::int64_t token = 0; token < shape.tokens; ++token) {
    for (std::int64_t i = 0; i < half; ++i) {
      const float a = to_float(from[i]);
      const float b = to_float(from[i + half]);
      const float sine = direction * sines[i];
      store(a * cosines[i] - b * sine, to[i]);
      store(b * cosines[i] + a * sine, to[i + half]);
    }
    from += shape.from_stride;
    to += shape.to_stride;
    cosines += half;
    sines += half;
  }
}

}  // namespace

REAUGKD_VECTOR_CLONES
void rotate(const RotaryShape& shape, const float* from, const float* cosines, const float* sines,
            float direction, float* to) {
  turn(shape, from, cosines, sines, direction, to);
}

REAUGKD_VECTOR_CLONES
void rotate(const RotaryShape& shape, const std::uint16_t* from, const float* cosines,
            const float* sines, float direction, std::uint16_t* to) {
  turn(shape, from, cosines, sines, direction, to);
}

}  // namespace reaugkd::kernels
