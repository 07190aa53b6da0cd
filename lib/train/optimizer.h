// AdamW (Loshchilov and Hutter, ICLR 2019) as BERT is fine-tuned with it: no decay for biases and
// LayerNorm, a linear warm-up and decay of the rate, gradients clipped by their global norm.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

namespace reaugkd::train {

/// Parameters under one rate and weight decay; `names` are for messages.
struct ParameterGroup {
  std::vector<torch::Tensor> parameters;
  double learning_rate = 0;
  double weight_decay = 0;
};

/// Two groups over the module's trainable parameters: matrices with `weight_decay`, biases and
/// LayerNorm weights with none.
std::vector<ParameterGroup> decay_groups(const torch::nn::Module& module, double learning_rate,
                                         double weight_decay);

/// Factor on the learning rate for step `step` (0-based) of `total`: linear from 0 to 1 over the
/// first warmup_ratio * total steps, then linear to 0.
double linear_schedule(std::int64_t step, std::int64_t total, double warmup_ratio);

/// Scales the gradients so that their global 2-norm is at most `max_norm` (0: leaves them). Returns
/// the norm before, as a tensor on their device: no host sync.
torch::Tensor clip_gradients(const std::vector<torch::Tensor>& parameters, double max_norm);

class AdamW {
 public:
  explicit AdamW(const std::vector<ParameterGroup>& groups);
  /// One update with every group's rate times `factor`, then gradients to zero.
  void step(double factor);
  std::vector<torch::Tensor> parameters() const;

 private:
  std::vector<double> learning_rates_;
  torch::optim::AdamW optimizer_;
};

}  // namespace reaugkd::train
