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

/// Of rows of 2 n values, (a, g): y[i] = a[i] Phi(a[i]) g[i], rows of n.
void geglu_forward(std::int64_t rows, std::int64_t n, const float* x, float* y);
void geglu_forward(std::int64_t rows, std::int64_t n, const std::uint16_t* x, std::uint16_t* y);

/// da[i] = dy[i] g[i] (Phi(a[i]) + a[i] phi(a[i])), dg[i] = dy[i] a[i] Phi(a[i])
void geglu_backward(std::int64_t rows, std::int64_t n, const float* x, const float* dy, float* dx);
void geglu_backward(std::int64_t rows, std::int64_t n, const std::uint16_t* x,
                    const std::uint16_t* dy, std::uint16_t* dx);

}  // namespace reaugkd::kernels
