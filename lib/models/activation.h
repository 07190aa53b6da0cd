// The activations that config.json may name, under these names.
#pragma once

#include <torch/torch.h>

#include "models/dense.h"
#include "models/model_config.h"

namespace reaugkd::models {

torch::Tensor activate(const torch::Tensor& x, Activation activation);
/// activate(dense(x)); GELU on a CPU takes the bias with it.
torch::Tensor activated(Dense& dense, const torch::Tensor& x, Activation activation);

}  // namespace reaugkd::models
