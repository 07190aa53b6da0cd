// Gradients of one way back, added up over the ranks while the way back goes on.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace reaugkd::parallel {

/// While it lives, gradients go from rank to rank as `type`: fp32, or bf16, which is half the
/// bytes. In bf16 a rank's gradient is rounded once, the ranks' are added up in fp32, and the sum
/// is rounded once. Equal on all ranks. Sparse gradients go as fp32.
class SendGradientsAs {
 public:
  explicit SendGradientsAs(torch::ScalarType type);
  ~SendGradientsAs();
  SendGradientsAs(const SendGradientsAs&) = delete;
  SendGradientsAs& operator=(const SendGradientsAs&) = delete;

 private:
  torch::ScalarType before_;
};

/// Sums over the ranks in buckets, as PyTorch's DistributedDataParallel makes them (Li et al., VLDB
/// 2020): a bucket is sent as soon as its gradients are complete on this rank, and the buckets in
/// the same order on every rank. Every rank makes one and calls finish() at the same place.
class GradientSum {
 public:
  /// `coming`: the positions in `parameters` of gradients that the way back will give, the first
  /// one to come first; equal on all ranks. Where it is wrong, gradients are sent later, but none
  /// is lost.
  GradientSum(const std::vector<torch::Tensor>& parameters, const std::vector<std::size_t>& coming);
  ~GradientSum();
  GradientSum(const GradientSum&) = delete;
  GradientSum& operator=(const GradientSum&) = delete;

  /// This rank's gradient of parameters[i]: dense (fp32) or sparse. Any thread may call it. Throws
  /// RankError.
  void ready(std::size_t i, const torch::Tensor& gradient);
  /// The sums, as `parameters`; undefined where there was no gradient. All ranks have gradients of
  /// the same parameters, since they all go the same way back. Throws RankError.
  std::vector<torch::Tensor> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reaugkd::parallel
