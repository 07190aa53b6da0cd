// LayerNorm of a residual and what is added to it (models/residual_norm.h).
#pragma once

#include <cstdint>

#include "kernels/dropout.h"

namespace reaugkd::kernels {

/// What is the same for all rows of n values.
struct ResidualNorm {
  std::int64_t width;  // n
  float epsilon;
  const float *bias, *gamma, *beta;  // (n) each
  DropoutMask mask;                  // threshold 0: nothing is dropped
};

/// Of `rows` rows, the first of which is row `first` of the call (for the mask): s = dropout(x +
/// bias) + residual; normalized = (s - mean) / sqrt(variance + epsilon), whose last factor is kept
/// in `scales`; y = gamma normalized + beta.
void residual_norm_forward(const ResidualNorm& norm, std::int64_t first, std::int64_t rows,
                           const float* x, const float* residual, float* normalized, float* scales,
                           float* y);
/// The same, x being bf16 values given as their bits.
void residual_norm_forward(const ResidualNorm& norm, std::int64_t first, std::int64_t rows,
                           const std::uint16_t* x, const float* residual, float* normalized,
                           float* scales, float* y);

/// From the gradient of y those of x and the residual. Those of gamma, beta and bias, (3, n), are
/// added to `sums`.
void residual_norm_backward(const ResidualNorm& norm, std::int64_t first, std::int64_t rows,
                            const float* dy, const float* normalized, const float* scales,
                            float* dx, float* d_residual, float* sums);
void residual_norm_backward(const ResidualNorm& norm, std::int64_t first, std::int64_t rows,
                            const float* dy, const float* normalized, const float* scales,
                            std::uint16_t* dx, float* d_residual, float* sums);

}  // namespace reaugkd::kernels
