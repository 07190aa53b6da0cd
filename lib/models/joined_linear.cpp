#include "models/joined_linear.h"

namespace reaugkd::models {

/// Without gradients the copies are kept until a parameter changes: for a single text they cost as
/// much as the product.
JoinedLinear::Weights JoinedLinear::joined(const std::vector<torch::Tensor>& weights,
                                           const std::vector<torch::Tensor>& biases) {
  if (torch::GradMode::is_enabled()) return {torch::cat(weights), torch::cat(biases), {}};
  auto parameters = weights;
  parameters.insert(parameters.end(), biases.begin(), biases.end());
  const auto made_of = state_of(parameters);
  const std::lock_guard lock(kept_mutex_);  // slices of a batch ask at once
  if (kept_.made_of != made_of) {
    // Leaves that want a gradient are what a GPU's autocast converts once and not at every call.
    kept_ = {torch::cat(weights).requires_grad_(), torch::cat(biases).requires_grad_(), made_of};
  }
  return kept_;
}

torch::Tensor JoinedLinear::operator()(const std::vector<Dense>& parts, const torch::Tensor& x) {
  std::vector<torch::Tensor> weights, biases;
  for (const auto& part : parts) {
    weights.push_back(part->weight);
    biases.push_back(part->bias);
  }
  const auto format = parts.front()->format();
  if (format != kernels::Format::kInt8 && RoundedProduct::is_for(x, weights.front())) {
    return rounded_(x, weights, biases);
  }
  const auto all = joined(weights, biases);
  return product_(x, all.weight, all.bias, format);
}

}  // namespace reaugkd::models
