#include "models/rounded_product.h"

#include "kernels/product_to_fp32.h"
#include "models/kernel_values.h"
#include "tensor/device.h"

namespace reaugkd::models {
namespace {

using torch::autograd::variable_list;

/// a (m, k) b (k, n) of bf16 matrices, in fp32.
torch::Tensor product_to_fp32(const torch::Tensor& a, const torch::Tensor& b) {
  if (!kernels::has_product_to_fp32() || a.numel() == 0) return a.mm(b).to(torch::kFloat32);
  const bool transposed = !a.is_contiguous() && a.t().is_contiguous();
  const auto left = transposed ? a.t() : a.contiguous();
  const auto right = b.contiguous();
  auto c = torch::empty({a.size(0), b.size(1)}, torch::kFloat32);
  kernels::product_to_fp32(transposed, a.size(0), b.size(1), a.size(1), values<std::uint16_t>(left),
                           values<std::uint16_t>(right), values<float>(c));
  return c;
}

/// x W^T + b by the copies of weights and biases (none, or one of all). The parameters themselves
/// are there for their gradients.
class Product : public torch::autograd::Function<Product> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& rounded, at::TensorList rounded_bias,
                               at::TensorList weights, at::TensorList biases) {
    const auto x16 = x.to(torch::kBFloat16);
    context->save_for_backward({x16, rounded});
    context->saved_data["type"] = static_cast<std::int64_t>(x.scalar_type());
    std::vector<std::int64_t> sizes;
    for (const auto& weight : weights) sizes.push_back(weight.size(0));
    context->saved_data["sizes"] = sizes;
    context->saved_data["biases"] = !biases.empty();
    return at::linear(x16, rounded, biases.empty() ? torch::Tensor() : rounded_bias[0]);
  }

  static variable_list backward(torch::autograd::AutogradContext* context,
                                const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto& rounded = saved[1];
    const auto sizes = context->saved_data["sizes"].toIntVector();
    const auto dy = gradients[0].to(torch::kBFloat16).reshape({-1, rounded.size(0)});
    const bool biased = context->saved_data["biases"].toBool();
    variable_list all(biased ? 3 : 2);
    if (context->needs_input_grad(0)) {
      const auto type = static_cast<torch::ScalarType>(context->saved_data["type"].toInt());
      const bool rounds = type == torch::kBFloat16;
      all[0] = (rounds ? dy.mm(rounded) : product_to_fp32(dy, rounded)).view(x.sizes()).to(type);
    }
    const auto add_parts = [&](const torch::Tensor& of_all) {
      for (auto& part : of_all.to(torch::kFloat32).split_with_sizes(sizes)) all.push_back(part);
    };
    add_parts(product_to_fp32(dy.t(), x.reshape({-1, x.size(-1)})));
    if (biased) add_parts(dy.sum(0));
    return all;
  }
};

}  // namespace

bool RoundedProduct::is_for(const torch::Tensor& x, const torch::Tensor& weight) {
  return x.is_cpu() && weight.scalar_type() == torch::kFloat32 &&
         tensor::autocast_enabled(torch::kCPU);
}

RoundedProduct::Copy RoundedProduct::copy_of(const std::vector<torch::Tensor>& weights,
                                             const std::vector<torch::Tensor>& biases) {
  auto parameters = weights;
  parameters.insert(parameters.end(), biases.begin(), biases.end());
  auto made_of = state_of(parameters);
  const std::lock_guard lock(mutex_);
  if (made_of == made_of_) return copy_;
  ++copies_;
  const torch::NoGradGuard no_grad;
  // In memory of its own: a way back may still read the copy before.
  const auto joined = [](const std::vector<torch::Tensor>& parts) {
    std::int64_t rows = 0;
    for (const auto& part : parts) rows += part.size(0);
    auto sizes = parts.front().sizes().vec();
    sizes.front() = rows;
    auto all = torch::empty(sizes, torch::kBFloat16);
    std::int64_t row = 0;
    for (const auto& part : parts) {
      all.narrow(0, row, part.size(0)).copy_(part);
      row += part.size(0);
    }
    return all;
  };
  copy_ = {joined(weights), biases.empty() ? torch::Tensor() : joined(biases)};
  weights_ = weights;
  biases_ = biases;
  made_of_ = std::move(made_of);
  return copy_;
}

bool RoundedProduct::round() {
  const auto copies = copies_;
  if (!weights_.empty()) copy_of(weights_, biases_);
  return copies_ > copies;
}

torch::Tensor RoundedProduct::operator()(const torch::Tensor& x,
                                         const std::vector<torch::Tensor>& weights,
                                         const std::vector<torch::Tensor>& biases) {
  const auto copy = copy_of(weights, biases);
  if (!torch::GradMode::is_enabled()) {
    return at::linear(x.to(torch::kBFloat16), copy.weight, copy.bias);
  }
  std::vector<torch::Tensor> bias;
  if (copy.bias.defined()) bias.push_back(copy.bias);
  return Product::apply(x, copy.weight, at::TensorList(bias), at::TensorList(weights),
                        at::TensorList(biases));
}

}  // namespace reaugkd::models
