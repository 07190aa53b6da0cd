#include "kernels/residual_norm.h"

#include <cmath>

#include "kernels/number_formats.h"
#include "kernels/row_reductions.h"
#include "kernels/vector_clones.h"

namespace reaugkd::kernels {
namespace {

template <typename Value>
REAUGKD_INTO_CLONES void forward_rows(const ResidualNorm& norm, std::int64_t first,
                                      std::int64_t rows, const Value* __restrict x,
                                      const float* __restrict residual,
                                      float* __restrict normalized, float* __restrict scales,
                                      float* __restrict y) {
  const ResidualNorm s = norm;
  const std::int64_t n = s.width;
  const float* __restrict bias = s.bias;
  const float* __restrict gamma = s.gamma;
  const float* __restrict beta = s.beta;
  const auto share = 1.0F / static_cast<float>(n);
  for (std::int64_t row = 0; row < rows; ++row) {
    if (s.mask.threshold > 0) {
      const auto start = static_cast<std::uint32_t>((first + row) * n);
      for (std::int64_t i = 0; i < n; ++i) {
        const bool keep = keeps(s.mask, start + static_cast<std::uint32_t>(i));
        const float scaled = (to_float(x[i]) + bias[i]) * s.mask.scale;
        normalized[i] = (keep ? scaled : 0.0F) + residual[i];
      }
    } else {
      for (std::int64_t i = 0; i < n; ++i) normalized[i] = to_float(x[i]) + bias[i] + residual[i];
    }
    const float mean = sum_of(normalized, n) * share;
    for (std::int64_t i = 0; i < n; ++i) {
      const float centered = normalized[i] - mean;
      normalized[i] = centered;
      y[i] = centered * centered;
    }
    const float scale = 1.0F / std::sqrt(sum_of(y, n) * share + s.epsilon);
    scales[row] = scale;
    for (std::int64_t i = 0; i < n; ++i) {
      const float value = normalized[i] * scale;
      normalized[i] = value;
      y[i] = gamma[i] * value + beta[i];
    }
    x += n;
    residual += n;
    normalized += n;
    y += n;
  }
}

/// With N the normalized row and g = gamma dy: ds = scale (g - mean(g) - N mean(g N)).
template <typename Value>
REAUGKD_INTO_CLONES void backward_rows(const ResidualNorm& norm, std::int64_t first,
                                       std::int64_t rows, const float* __restrict dy,
                                       const float* __restrict normalized,
                                       const float* __restrict scales, Value* __restrict dx,
                                       float* __restrict d_residual, float* __restrict sums) {
  const ResidualNorm s = norm;
  const std::int64_t n = s.width;
  const float* __restrict gamma = s.gamma;
  float* __restrict d_gamma = sums;
  float* __restrict d_beta = sums + n;
  float* __restrict d_bias = sums + 2 * n;
  const auto share = 1.0F / static_cast<float>(n);
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = 0; i < n; ++i) {
      const float along = dy[i] * normalized[i];
      d_gamma[i] += along;
      d_beta[i] += dy[i];
      d_residual[i] = gamma[i] * along;
    }
    const float along = sum_of(d_residual, n) * share;
    for (std::int64_t i = 0; i < n; ++i) d_residual[i] = gamma[i] * dy[i];
    const float mean = sum_of(d_residual, n) * share;
    const float scale = scales[row];
    for (std::int64_t i = 0; i < n; ++i) {
      d_residual[i] = scale * (d_residual[i] - mean - normalized[i] * along);
    }
    const auto start = static_cast<std::uint32_t>((first + row) * n);
    if (s.mask.threshold > 0) {
      for (std::int64_t i = 0; i < n; ++i) {
        const bool keep = keeps(s.mask, start + static_cast<std::uint32_t>(i));
        const float scaled = d_residual[i] * s.mask.scale;
        const float kept = keep ? scaled : 0.0F;
        d_bias[i] += kept;
        store(kept, dx[i]);
      }
    } else {
      for (std::int64_t i = 0; i < n; ++i) {
        d_bias[i] += d_residual[i];
        store(d_residual[i], dx[i]);
      }
    }
    dy += n;
    normalized += n;
    dx += n;
    d_residual += n;
  }
}

}  // namespace

REAUGKD_VECTOR_CLONES
void residual_norm_forward(const ResidualNorm& norm, std::int64_t first, std::int64_t rows,
                           const float* x, const float* residual, float* normalized, float* scales,
                           float* y) {
  forward_rows(norm, first, rows, x, residual, normalized, scales, y);
}

REAUGKD_VECTOR_CLONES
void residual_norm_forward(const ResidualNorm& norm, std::int64_t first, std::int64_t rows,
                           const std::uint16_t* x, const float* residual, float* normalized,
                           float* scales, float* y) {
  forward_rows(norm, first, rows, x, residual, normalized, scales, y);
}

REAUGKD_VECTOR_CLONES
void residual_norm_backward(const ResidualNorm& norm, std::int64_t first, std::int64_t rows,
                            const float* dy, const float* normalized, const float* scales,
                            float* dx, float* d_residual, float* sums) {
  backward_rows(norm, first, rows, dy, normalized, scales, dx, d_residual, sums);
}

REAUGKD_VECTOR_CLONES
void residual_norm_backward(const ResidualNorm& norm, std::int64_t first, std::int64_t rows,
                            const float* dy, const float* normalized, const float* scales,
                            std::uint16_t* dx, float* d_residual, float* sums) {
  backward_rows(norm, first, rows, dy, normalized, scales, dx, d_residual, sums);
}

}  // namespace reaugkd::kernels
