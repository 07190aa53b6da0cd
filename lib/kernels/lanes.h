// Sixteen floats at a time, in the vector registers that the processor has.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/number_formats.h"

namespace reaugkd::kernels {

constexpr std::int64_t kLanes = 16;

/// Sixteen floats in registers of `Bytes`, which must be those of the instruction set that is
/// compiled for (REAUGKD_FOR_EACH_WIDTH): a compiler keeps wider vectors in memory. Sums are the
/// same bits for every width.
template <int Bytes>
struct Lanes {
  typedef float Register __attribute__((vector_size(Bytes)));  // GCC 12 takes no `using` here
  static constexpr int kRegisters = 64 / Bytes;
  Register parts[kRegisters];

  REAUGKD_INTO_CLONES static Lanes load(const float* from) {
    Lanes lanes;
    for (int i = 0; i < kRegisters; ++i) {
      std::memcpy(&lanes.parts[i], from + i * (Bytes / 4), Bytes);
    }
    return lanes;
  }
  REAUGKD_INTO_CLONES void store(float* to) const {
    for (int i = 0; i < kRegisters; ++i) std::memcpy(to + i * (Bytes / 4), &parts[i], Bytes);
  }
  /// += a b
  REAUGKD_INTO_CLONES void add_product(const Lanes& a, const Lanes& b) {
    for (int i = 0; i < kRegisters; ++i) parts[i] += a.parts[i] * b.parts[i];
  }
  REAUGKD_INTO_CLONES void add_product(float factor, const Lanes& b) {
    for (int i = 0; i < kRegisters; ++i) parts[i] += factor * b.parts[i];
  }
  REAUGKD_INTO_CLONES void add(const Lanes& other) {
    for (int i = 0; i < kRegisters; ++i) parts[i] += other.parts[i];
  }
};

}  // namespace reaugkd::kernels
