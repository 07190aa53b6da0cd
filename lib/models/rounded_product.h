// Products in bf16 of weights that are kept in fp32, as autocast's, on a CPU. Autocast lets each
// thread round all weights; here all threads read one copy.
#pragma once

#include <torch/torch.h>

#include <mutex>
#include <vector>

#include "models/parameter_state.h"

namespace reaugkd::models {

/// x W^T + b in bf16, of the weights (out, in) of one layer, or of several side by side.
class RoundedProduct {
 public:
  /// Whether a product of x and `weight` is to be one: on a CPU, under autocast.
  static bool is_for(const torch::Tensor& x, const torch::Tensor& weight);

  /// x (.., in) -> (.., sum of out). `biases` are as `weights`, or none. Gradients of both are
  /// fp32; those of weights are not rounded to bf16 where kernels::has_product_to_fp32(). The copy
  /// is kept until one of them changes.
  torch::Tensor operator()(const torch::Tensor& x, const std::vector<torch::Tensor>& weights,
                           const std::vector<torch::Tensor>& biases);

  /// Rounds what the last product read anew where it has changed since, and says whether it has. No
  /// product may be under way.
  bool round();

 private:
  struct Copy {
    torch::Tensor weight, bias;  // (sum of out, in); (sum of out), or undefined
  };
  Copy copy_of(const std::vector<torch::Tensor>& weights, const std::vector<torch::Tensor>& biases);

  std::vector<torch::Tensor> weights_, biases_;
  ParameterState made_of_;
  Copy copy_;
  std::int64_t copies_ = 0;  // made so far
  std::mutex mutex_;         // slices of a batch ask at once
};

/// A module with such products, which it can prepare.
class HasRoundedProduct {
 public:
  virtual ~HasRoundedProduct() = default;
  /// As RoundedProduct::round.
  virtual bool round_weights() = 0;
};

}  // namespace reaugkd::models
