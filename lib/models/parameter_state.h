// Tells whether what was made of some parameters still stands for them.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace reaugkd::models {

/// Place and version of each parameter. Of parameters that are kept: a place may become another's.
using ParameterState = std::vector<std::pair<const void*, std::uint32_t>>;
ParameterState state_of(const std::vector<torch::Tensor>& parameters);

}  // namespace reaugkd::models
