// A layer of weights of an encoder, y = x W^T + b, and what multiplies it where.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "kernels/packed_weights.h"
#include "models/rounded_product.h"

namespace reaugkd::models {

/// x (.., in) weight^T + bias of a weight (out, in).
class WeightProduct {
 public:
  /// By LibTorch, unless a `format` is given: then, on a CPU without gradients and autocast, from a
  /// copy of the weight in that format, which is kept until the weight changes. In fp32 many rows
  /// need no copy. bias (out) may be undefined.
  torch::Tensor operator()(const torch::Tensor& x, const torch::Tensor& weight,
                           const torch::Tensor& bias, std::optional<kernels::Format> format);

 private:
  std::shared_ptr<const kernels::PackedWeights> packed(const torch::Tensor& weight,
                                                       kernels::Format format);

  std::shared_ptr<const kernels::PackedWeights> kept_;
  torch::Tensor made_of_;  // kept, so that its place is no other's
  std::uint32_t version_ = 0;
  std::mutex mutex_;  // slices of a batch ask at once
};

/// torch::nn::Linear by such products.
class DenseImpl : public torch::nn::LinearImpl, public HasRoundedProduct {
 public:
  using LinearImpl::LinearImpl;

  torch::Tensor forward(const torch::Tensor& x);  // (.., in) -> (.., out)
  /// The same without the bias.
  torch::Tensor product(const torch::Tensor& x);

  /// From now on products without gradients are of this format; once.
  void pack(kernels::Format format) { format_ = format; }
  std::optional<kernels::Format> format() const { return format_; }
  bool round_weights() override { return rounded_.round(); }

 private:
  torch::Tensor product(const torch::Tensor& x, const torch::Tensor& added);

  WeightProduct product_;
  RoundedProduct rounded_;
  std::optional<kernels::Format> format_;
};
TORCH_MODULE(Dense);

}  // namespace reaugkd::models
