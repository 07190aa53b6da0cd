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

}  // namespace reaugkd::kernels
