// The cosine term: each query beside its own key. Used by distill beside equations 2 and 3, which
// compare the rows of a batch with one another.
#pragma once

#include <torch/torch.h>

namespace reaugkd::losses {

/// 1/B sum_i (1 - z_i.s_i), 0 to 2. z, s (B, D) unit rows; z is a constant, the gradient flows
/// through s. Returns a scalar.
torch::Tensor cosine_distance(const torch::Tensor& z, const torch::Tensor& s);

}  // namespace reaugkd::losses
