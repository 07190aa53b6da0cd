// Linear layers that read the same states, computed as one product.
#pragma once

#include <torch/torch.h>

#include <mutex>
#include <vector>

#include "models/dense.h"

namespace reaugkd::models {

class JoinedLinear {
 public:
  /// All parts' outputs side by side: x (.., in) -> (.., sum of out). x is read, and under autocast
  /// converted, once. Every part has a bias.
  torch::Tensor operator()(const std::vector<Dense>& parts, const torch::Tensor& x);
  /// As RoundedProduct::round.
  bool round() { return rounded_.round(); }

 private:
  struct Weights {
    torch::Tensor weight, bias;
    ParameterState made_of;
  };
  Weights joined(const std::vector<torch::Tensor>& weights,
                 const std::vector<torch::Tensor>& biases);

  Weights kept_;
  WeightProduct product_;
  RoundedProduct rounded_;
  std::mutex kept_mutex_;
};

}  // namespace reaugkd::models
