#include "models/joined_linear.h"

namespace reaugkd::models {

ParameterState state_of(const std::vector<torch::Tensor>& parameters) {
  ParameterState state;
  for (const auto& parameter : parameters) {
    state.emplace_back(parameter.data_ptr(), static_cast<std::uint32_t>(parameter._version()));
  }
  return state;
}

/// Without gradients the copies are kept until a parameter changes: for a single text they cost as
/// much as the product.
JoinedLinear::Weights JoinedLinear::joined(const std::vector<Dense>& parts) {
  std::vector<torch::Tensor> weights, biases;
  for (const auto& part : parts) {
    weights.push_back(part->weight);
    biases.push_back(part->bias);
  }
  if (torch::GradMode::is_enabled()) return {torch::cat(weights), torch::cat(biases), {}};
  auto parameters = weights;
  parameters.insert(parameters.end(), biases.begin(), biases.end());
  const auto made_of = state_of(parameters);
  const std::lock_guard lock(kept_mutex_);  // slices of a batch ask at once
  if (kept_.made_of != made_of) {
    // Leaves that want a gradient are what autocast converts once and not at every call.
    kept_ = {torch::cat(weights).requires_grad_(), torch::cat(biases).requires_grad_(), made_of};
  }
  return kept_;
}

torch::Tensor JoinedLinear::operator()(const std::vector<Dense>& parts, const torch::Tensor& x) {
  const auto weights = joined(parts);
  return product_(x, weights.weight, weights.bias, parts.front()->format());
}

}  // namespace reaugkd::models
