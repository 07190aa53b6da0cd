#include "kernels/gelu.h"

#include "kernels/number_formats.h"
#include "kernels/vector_clones.h"

namespace reaugkd::kernels {
namespace {

/// Phi, the normal distribution's function, and phi, its density, at a point.
struct Normal {
  float below, density;
};

/// Both need e^(-x^2/2): Phi(-|x|) = P(t) e^(-x^2/2) / 2 with t = 1 / (1 + p |x| / sqrt 2), to
/// 7.5e-8 (Abramowitz and Stegun, 7.1.26).
REAUGKD_INTO_CLONES Normal normal_at(float x) {
  const float magnitude = x < 0 ? -x : x;
  const float e = exp_of(-0.5F * x * x);
  const float t = 1.0F / (1.0F + 0.3275911F * 0.70710678F * magnitude);
  float p = 1.061405429F;
  p = p * t - 1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t - 0.284496736F;
  p = p * t + 0.254829592F;
  const float tail = 0.5F * p * t * e;
  return {x < 0 ? tail : 1.0F - tail, 0.39894228F * e};
}

template <typename Value>
REAUGKD_INTO_CLONES void forward(std::int64_t n, const Value* __restrict x, Value* __restrict y) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float value = to_float(x[i]);
    store(value * normal_at(value).below, y[i]);
  }
}

template <typename Value>
REAUGKD_INTO_CLONES void backward(std::int64_t n, const Value* __restrict x,
                                  const Value* __restrict dy, Value* __restrict dx) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float value = to_float(x[i]);
    const Normal normal = normal_at(value);
    store(to_float(dy[i]) * (normal.below + value * normal.density), dx[i]);
  }
}

template <typename Value>
REAUGKD_INTO_CLONES void biased_forward(std::int64_t rows, std::int64_t n,
                                        const Value* __restrict x, const float* __restrict bias,
                                        Value* __restrict y) {
  for (; rows > 0; --rows, x += n, y += n) {
    for (std::int64_t i = 0; i < n; ++i) {
      const float value = to_float(x[i]) + bias[i];
      store(value * normal_at(value).below, y[i]);
    }
  }
}

template <typename Value>
REAUGKD_INTO_CLONES void biased_backward(std::int64_t rows, std::int64_t n,
                                         const Value* __restrict x, const float* __restrict bias,
                                         const Value* __restrict dy, Value* __restrict dx,
                                         float* __restrict sums) {
  for (; rows > 0; --rows, x += n, dy += n, dx += n) {
    for (std::int64_t i = 0; i < n; ++i) {
      const float value = to_float(x[i]) + bias[i];
      const Normal normal = normal_at(value);
      const float slope = to_float(dy[i]) * (normal.below + value * normal.density);
      sums[i] += slope;
      store(slope, dx[i]);
    }
  }
}

template <typename Value>
REAUGKD_INTO_CLONES void gated_forward(std::int64_t rows, std::int64_t n, const Value* __restrict x,
                                       Value* __restrict y) {
  for (; rows > 0; --rows, x += 2 * n, y += n) {
    for (std::int64_t i = 0; i < n; ++i) {
      const float value = to_float(x[i]);
      store(value * normal_at(value).below * to_float(x[n + i]), y[i]);
    }
  }
}

template <typename Value>
REAUGKD_INTO_CLONES void gated_backward(std::int64_t rows, std::int64_t n,
                                        const Value* __restrict x, const Value* __restrict dy,
                                        Value* __restrict dx) {
  for (; rows > 0; --rows, x += 2 * n, dy += n, dx += 2 * n) {
    for (std::int64_t i = 0; i < n; ++i) {
      const float value = to_float(x[i]);
      const float slope = to_float(dy[i]);
      const Normal normal = normal_at(value);
      store(slope * to_float(x[n + i]) * (normal.below + value * normal.density), dx[i]);
      store(slope * value * normal.below, dx[n + i]);
    }
  }
}

}  // namespace

REAUGKD_VECTOR_CLONES
void gelu_forward(std::int64_t n, const float* x, float* y) {
  forward(n, x, y);
}

REAUGKD_VECTOR_CLONES
void gelu_forward(std::int64_t n, const std::uint16_t* x, std::uint16_t* y) {
  forward(n, x, y);
}

REAUGKD_VECTOR_CLONES
void gelu_backward(std::int64_t n, const float* x, const float* dy, float* dx) {
  backward(n, x, dy, dx);
}

REAUGKD_VECTOR_CLONES
void gelu_backward(std::int64_t n, const std::uint16_t* x, const std::uint16_t* dy,
                   std::uint16_t* dx) {
  backward(n, x, dy, dx);
}

REAUGKD_VECTOR_CLONES
void biased_gelu_forward(std::int64_t rows, std::int64_t n, const float* x, const float* bias,
                         float* y) {
  biased_forward(rows, n, x, bias, y);
}

REAUGKD_VECTOR_CLONES
void biased_gelu_forward(std::int64_t rows, std::int64_t n, const std::uint16_t* x,
                         const float* bias, std::uint16_t* y) {
  biased_forward(rows, n, x, bias, y);
}

REAUGKD_VECTOR_CLONES
void biased_gelu_backward(std::int64_t rows, std::int64_t n, const float* x, const float* bias,
                          const float* dy, float* dx, float* sums) {
  biased_backward(rows, n, x, bias, dy, dx, sums);
}

REAUGKD_VECTOR_CLONES
void biased_gelu_backward(std::int64_t rows, std::int64_t n, const std::uint16_t* x,
                          const float* bias, const std::uint16_t* dy, std::uint16_t* dx,
                          float* sums) {
  biased_backward(rows, n, x, bias, dy, dx, sums);
}

REAUGKD_VECTOR_CLONES
void geglu_forward(std::int64_t rows, std::int64_t n, const float* x, float* y) {
  gated_forward(rows, n, x, y);
}

REAUGKD_VECTOR_CLONES
void geglu_forward(std::int64_t rows, std::int64_t n, const std::uint16_t* x, std::uint16_t* y) {
  gated_forward(rows, n, x, y);
}

REAUGKD_VECTOR_CLONES
void geglu_backward(std::int64_t rows, std::int64_t n, const float* x, const float* dy, float* dx) {
  gated_backward(rows, n, x, dy, dx);
}

REAUGKD_VECTOR_CLONES
void geglu_backward(std::int64_t rows, std::int64_t n, const std::uint16_t* x,
                    const std::uint16_t* dy, std::uint16_t* dx) {
  gated_backward(rows, n, x, dy, dx);
}

}  // namespace reaugkd::kernels
