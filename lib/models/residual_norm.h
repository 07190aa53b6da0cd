// The end of both halves of a layer: LayerNorm(dropout(dense(x)) + residual) (Vaswani et al., 2017;
// Ba et al., 2016).
#pragma once

#include <torch/torch.h>

#include "models/dense.h"

namespace reaugkd::models {

/// x (.., in), residual (.., H), fp32 -> (.., H), fp32. On a CPU bias, dropout, residual and norm
/// are one pass over memory each way; the dropout is models::dropout's.
torch::Tensor residual_norm(Dense& dense, torch::nn::LayerNorm& norm, const torch::Tensor& x,
                            const torch::Tensor& residual, double p, bool training);

}  // namespace reaugkd::models
