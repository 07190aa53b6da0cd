// AdamW (Loshchilov and Hutter, ICLR 2019) as BERT is fine-tuned with it: no decay for biases and
// LayerNorm, a linear warm-up and decay of the rate, gradients clipped by their global norm.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "kernels/adamw.h"
#include "tensor/safetensors.h"

namespace reaugkd::train {

/// Parameters under one rate and weight decay.
struct ParameterGroup {
  std::vector<torch::Tensor> parameters;
  double learning_rate = 0;
  double weight_decay = 0;
};

/// Two groups over the module's trainable parameters: matrices with `weight_decay`; biases and the
/// weights of norms, which have one dimension, with none.
std::vector<ParameterGroup> decay_groups(const torch::nn::Module& module, double learning_rate,
                                         double weight_decay);

/// Factor on the learning rate for step `step` (0-based) of `total`: linear from 0 to 1 over the
/// first warmup_ratio * total steps, then linear to 0.
double linear_schedule(std::int64_t step, std::int64_t total, double warmup_ratio);

/// The factor that brings a global norm of `norm` down to at most max_norm; 1 where max_norm is 0.
/// Scalar in, scalar out, on the same device: no host sync.
torch::Tensor clip_factor(const torch::Tensor& norm, double max_norm);

/// AdamW with PyTorch's betas and epsilon; as there, each parameter counts its own updates. On a
/// CPU in fp32 an update is one pass over memory; elsewhere it is a few calls over all parameters
/// at once. The bytes do not depend on threads.
///
/// A sparse gradient (of a table of words, fp32 on a CPU) gives what the dense one would, without
/// reading rows that never had one: those only decay.
///
/// `sharded`: each of several ranks keeps the moments of its share of the parameters, updates
/// those, and gives them to the others (ZeRO, stage 1: Rajbhandari et al., SC 2020). The bytes are
/// those of one that is not sharded. Every rank then calls step() and state() together.
class AdamW {
 public:
  explicit AdamW(std::vector<ParameterGroup> groups, bool sharded = false);

  /// Global 2-norm of the gradients, a scalar on their device: no host sync.
  torch::Tensor gradient_norm() const;
  /// One update of every parameter that has a gradient, with every group's rate times `factor` and
  /// gradients times `gradient_scale` (scalar); the gradients are then gone.
  void step(double factor, const torch::Tensor& gradient_scale);
  std::vector<torch::Tensor> parameters() const;

  /// The moments, as "exp_avg.i" and "exp_avg_sq.i" of parameters()[i], and "updates" of each, (n)
  /// int64. Where it is sharded, on rank 0 alone.
  tensor::TensorMap state() const;
  bool sharded() const { return !owners_.empty(); }
  /// Throws ArtifactError, naming `where`, where one is missing or of another shape.
  void load_state(const tensor::TensorMap& state, const std::string& where);

 private:
  struct Slot {
    torch::Tensor parameter, exp_avg, exp_avg_sq;  // the moments undefined: another rank's
    std::int64_t updates = 0;
    std::vector<char> moved = {};  // of a sparse gradient: rows that are not 0; empty: unknown
  };
  using Slots = std::vector<Slot>;

  bool is_own(const Slot& slot) const { return slot.exp_avg.defined(); }
  void give_to_others(const std::vector<bool>& updated) const;
  void update(Slots& slots, const ParameterGroup& group, double factor,
              const torch::Tensor& gradient_scale) const;
  static void update_all(Slot& slot, const kernels::AdamWUpdate& constants);
  static void update_rows(Slot& slot, const kernels::AdamWUpdate& constants);

  std::vector<ParameterGroup> groups_;
  std::vector<Slots> slots_;  // as groups_
  std::vector<int> owners_;   // the rank of each of parameters(); empty: not sharded
};

}  // namespace reaugkd::train
