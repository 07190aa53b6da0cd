// A layer of weights of an encoder, y = x W^T + b, and what multiplies it where.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <mutex>

#include "kernels/packed_weights.h"

namespace reaugkd::models {

/// Products x (.., in) weight^T + bias of a weight (out, in) by LibTorch. In fp32 on a CPU, without
/// gradients and where rows are few, they are oneDNN's, from a copy of the weight that is kept
/// until it changes: other products copy it each time.
class WeightProduct {
 public:
  /// bias (out) may be undefined. `int8`: by 8-bit products, which there are for any number of
  /// rows, but only on a CPU and without gradients.
  torch::Tensor operator()(const torch::Tensor& x, const torch::Tensor& weight,
                           const torch::Tensor& bias, bool int8);

 private:
  std::shared_ptr<const kernels::PackedWeights> packed(const torch::Tensor& weight, bool int8);

  std::shared_ptr<const kernels::PackedWeights> kept_;
  torch::Tensor made_of_;  // kept, so that its place is no other's
  std::uint32_t version_ = 0;
  bool int8_ = false;  // of the copy
  std::mutex mutex_;   // slices of a batch ask at once
};

/// torch::nn::Linear by such products.
class DenseImpl : public torch::nn::LinearImpl {
 public:
  using LinearImpl::LinearImpl;

  torch::Tensor forward(const torch::Tensor& x);  // (.., in) -> (.., out)
  /// The same without the bias.
  torch::Tensor product(const torch::Tensor& x);

  /// From now on products are 8-bit ones.
  void round_to_int8() { int8_ = true; }
  bool is_int8() const { return int8_; }

 private:
  WeightProduct product_;
  bool int8_ = false;
};
TORCH_MODULE(Dense);

/// Every Dense in `model`: all products of its encoder's layers. Heads stay in fp32.
void round_to_int8(torch::nn::Module& model);

}  // namespace reaugkd::models
