#include "train/optimizer.h"

#include <algorithm>

namespace reaugkd::train {
namespace {

std::vector<torch::optim::OptimizerParamGroup> to_torch(const std::vector<ParameterGroup>& groups) {
  std::vector<torch::optim::OptimizerParamGroup> result;
  for (const auto& group : groups) {
    auto options = std::make_unique<torch::optim::AdamWOptions>(group.learning_rate);
    options->weight_decay(group.weight_decay);
    result.emplace_back(group.parameters, std::move(options));
  }
  return result;
}

}  // namespace

std::vector<ParameterGroup> decay_groups(const torch::nn::Module& module, double learning_rate,
                                         double weight_decay) {
  ParameterGroup decayed{{}, learning_rate, weight_decay};
  ParameterGroup plain{{}, learning_rate, 0};
  for (const auto& item : module.named_parameters()) {
    if (!item.value().requires_grad()) continue;
    const bool is_plain =
        item.key().ends_with("bias") || item.key().find("LayerNorm") != std::string::npos;
    (is_plain ? plain : decayed).parameters.push_back(item.value());
  }
  return {decayed, plain};
}

double linear_schedule(std::int64_t step, std::int64_t total, double warmup_ratio) {
  const double warmup = warmup_ratio * static_cast<double>(total);
  const auto now = static_cast<double>(step);
  if (now < warmup) return now / std::max(1.0, warmup);
  return std::max(
      0.0, (static_cast<double>(total) - now) / std::max(1.0, static_cast<double>(total) - warmup));
}

torch::Tensor clip_gradients(const std::vector<torch::Tensor>& parameters, double max_norm) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> norms;
  for (const auto& parameter : parameters) {
    if (parameter.grad().defined()) norms.push_back(parameter.grad().norm());
  }
  if (norms.empty()) return torch::zeros({});
  const auto total = torch::stack(norms).norm();
  if (max_norm > 0) {
    const auto factor = (max_norm / (total + 1e-6)).clamp_max(1.0);
    for (const auto& parameter : parameters) {
      if (parameter.grad().defined()) parameter.grad().mul_(factor);
    }
  }
  return total;
}

AdamW::AdamW(const std::vector<ParameterGroup>& groups) : optimizer_(to_torch(groups)) {
  for (const auto& group : groups) learning_rates_.push_back(group.learning_rate);
}

void AdamW::step(double factor) {
  auto& groups = optimizer_.param_groups();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    static_cast<torch::optim::AdamWOptions&>(groups[i].options()).lr(learning_rates_[i] * factor);
  }
  optimizer_.step();
  optimizer_.zero_grad();
}

std::vector<torch::Tensor> AdamW::parameters() const {
  std::vector<torch::Tensor> all;
  for (const auto& group : optimizer_.param_groups()) {
    all.insert(all.end(), group.params().begin(), group.params().end());
  }
  return all;
}

}  // namespace reaugkd::train
