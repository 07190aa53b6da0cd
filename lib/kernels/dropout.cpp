#include "kernels/dropout.h"

#include "kernels/number_formats.h"
#include "kernels/vector_clones.h"

namespace reaugkd::kernels {
namespace {

template <typename Value>
REAUGKD_INTO_CLONES void drop(const DropoutMask& mask, std::int64_t first, std::int64_t n,
                              const Value* __restrict from, Value* __restrict to) {
  const DropoutMask m = mask;
  const auto start = static_cast<std::uint32_t>(first);
  for (std::int64_t i = 0; i < n; ++i) {
    const bool keep = keeps(m, start + static_cast<std::uint32_t>(i));
    const float scaled = to_float(from[i]) * m.scale;
    store(keep ? scaled : 0.0F, to[i]);
  }
}

}  // namespace

REAUGKD_VECTOR_CLONES
void apply_dropout(const DropoutMask& mask, std::int64_t first, std::int64_t n, const float* from,
                   float* to) {
  drop(mask, first, n, from, to);
}

REAUGKD_VECTOR_CLONES
void apply_dropout(const DropoutMask& mask, std::int64_t first, std::int64_t n,
                   const std::uint16_t* from, std::uint16_t* to) {
  drop(mask, first, n, from, to);
}

}  // namespace reaugkd::kernels
