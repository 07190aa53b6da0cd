// The loops of gelu.h over plain memory.
#pragma once

#include <cstdint>

namespace reaugkd::kernels {

/// y[i] = x[i] Phi(x[i])
void gelu_forward(std::int64_t n, const float* x, float* y);
void gelu_forward(std::int64_t n, const std::uint16_t* x, std::uint16_t* y);

/// dx[i] = dy[i] (Phi(x[i]) + x[i] phi(x[i]))
void gelu_backward(std::int64_t n, const float* x, const float* dy, float* dx);
void gelu_backward(std::int64_t n, const std::uint16_t* x, const std::uint16_t* dy,
                   std::uint16_t* dx);

/// Of x + bias in rows of n values, the bias (n) being the same for all. The way back adds the
/// bias's gradient to `sums`, (n).
void biased_gelu_forward(std::int64_t rows, std::int64_t n, const float* x, const float* bias,
                         float* y);
void biased_gelu_forward(std::int64_t rows, std::int64_t n, const std::uint16_t* x,
                         const float* bias, std::uint16_t* y);
void biased_gelu_backward(std::int64_t rows, std::int64_t n, const float* x, const float* bias,
                          const float* dy, float* dx, float* sums);
void biased_gelu_backward(std::int64_t rows, std::int64_t n, const std::uint16_t* x,
                          const float* bias, const std::uint16_t* dy, std::uint16_t* dx,
                          float* sums);

/// Of rows of 2 n values, (a, g): y[i] = a[i] Phi(a[i]) g[i], rows of n.
void geglu_forward(std::int64_t rows, std::int64_t n, const float* x, float* y);
void geglu_forward(std::int64_t rows, std::int64_t n, const std::uint16_t* x, std::uint16_t* y);

/// da[i] = dy[i] g[i] (Phi(a[i]) + a[i] phi(a[i])), dg[i] = dy[i] a[i] Phi(a[i])
void geglu_backward(std::int64_t rows, std::int64_t n, const float* x, const float* dy, float* dx);
void geglu_backward(std::int64_t rows, std::int64_t n, const std::uint16_t* x,
                    const std::uint16_t* dy, std::uint16_t* dx);

}  // namespace reaugkd::kernels
