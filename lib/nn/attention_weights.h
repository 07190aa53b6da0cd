// What attention makes of its scores in one pass over memory: scale, mask, softmax, dropout.
#pragma once

#include <torch/torch.h>

namespace reaugkd::nn {

/// dropout(softmax(scale scores + bias)): scores (B, heads, T, T) fp32 or bf16, bias (B, 1, 1, T)
/// fp32; computed in fp32, returned as scores are. A row does not depend on the padding of others.
/// The dropout is nn::dropout's: the same masks of the same seed.
torch::Tensor attention_weights(const torch::Tensor& scores, const torch::Tensor& bias,
                                double scale, double p, bool training);

}  // namespace reaugkd::nn
