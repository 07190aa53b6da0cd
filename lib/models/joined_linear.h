// Linear layers that read the same states, computed as one product.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "models/dense.h"

namespace reaugkd::models {

/// Tells one state of some parameters from another: place and version of each.
using ParameterState = std::vector<std::pair<const void*, std::uint32_t>>;
ParameterState state_of(const std::vector<torch::Tensor>& parameters);

class JoinedLinear {
 public:
  /// All parts' outputs side by side: x (.., in) -> (.., sum of out). x is read, and under autocast
  /// converted, once. Every part has a bias.
  torch::Tensor operator()(const std::vector<Dense>& parts, const torch::Tensor& x);

 private:
  struct Weights {
    torch::Tensor weight, bias;
    ParameterState made_of;
  };
  Weights joined(const std::vector<Dense>& parts);

  Weights kept_;
  WeightProduct product_;
  std::mutex kept_mutex_;
};

}  // namespace reaugkd::models
