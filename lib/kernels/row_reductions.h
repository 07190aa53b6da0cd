// Sums and maxima of a row, in a fixed order.
#pragma once

#include <cstdint>

#include "kernels/number_formats.h"

namespace reaugkd::kernels {

// Sums have this many independent parts, lengths are multiples of it, in a fixed order that the
// padding of a row does not change: it adds zeros.
constexpr std::int64_t kReductionLanes = 8;

/// The sum of values[0 .. n), and the largest of them.
REAUGKD_INTO_CLONES float sum_of(const float* __restrict values, std::int64_t n) {
  alignas(64) float lanes[kReductionLanes] = {};
  std::int64_t i = 0;
  for (; i + kReductionLanes <= n; i += kReductionLanes) {
    for (std::int64_t lane = 0; lane < kReductionLanes; ++lane) lanes[lane] += values[i + lane];
  }
  for (std::int64_t lane = 0; i < n; ++lane, ++i) lanes[lane] += values[i];
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

REAUGKD_INTO_CLONES float largest_of(const float* __restrict values, std::int64_t n) {
  alignas(64) float lanes[kReductionLanes];
  for (float& lane : lanes) lane = values[0];
  std::int64_t i = 0;
  for (; i + kReductionLanes <= n; i += kReductionLanes) {
    for (std::int64_t lane = 0; lane < kReductionLanes; ++lane) {
      lanes[lane] = lanes[lane] < values[i + lane] ? values[i + lane] : lanes[lane];
    }
  }
  for (; i < n; ++i) lanes[0] = lanes[0] < values[i] ? values[i] : lanes[0];
  float largest = lanes[0];
  for (const float lane : lanes) largest = largest < lane ? lane : largest;
  return largest;
}

}  // namespace reaugkd::kernels
