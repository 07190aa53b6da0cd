// GELU (Hendrycks and Gimpel, 2016) in its exact form, x Phi(x). LibTorch's way back is several
// times slower on a CPU than the way forward.
#pragma once

#include <torch/torch.h>

namespace reaugkd::models {

/// x Phi(x): on a CPU in fp32 or bf16 to fp32's rounding by kernels of our own, elsewhere
/// LibTorch's.
torch::Tensor gelu(const torch::Tensor& x);

/// gelu(x + bias) without the sum in memory: x (.., n) fp32 or bf16 on a CPU, bias (n) fp32.
torch::Tensor biased_gelu(const torch::Tensor& x, const torch::Tensor& bias);

/// GeGLU (Shazeer, 2020): x (.., 2 n) of values a and gates g -> gelu(a) g, (.., n).
torch::Tensor geglu(const torch::Tensor& x);

}  // namespace reaugkd::models
