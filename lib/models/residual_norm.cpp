#include "models/residual_norm.h"

#include "kernels/residual_norm.h"
#include "models/dropout.h"
#include "models/kernel_values.h"

namespace reaugkd::models {
namespace {

class ResidualNorm : public torch::autograd::Function<ResidualNorm> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& product, const torch::Tensor& bias,
                               const torch::Tensor& raw_residual, const torch::Tensor& gamma,
                               const torch::Tensor& beta, double epsilon, std::int64_t key,
                               double p) {
    const auto x = product.contiguous();
    const auto residual = raw_residual.contiguous();
    const std::int64_t width = residual.size(-1);
    auto normalized = torch::empty_like(residual);
    auto scales = torch::empty({residual.numel() / width}, residual.options());
    auto y = torch::empty_like(residual);
    const kernels::ResidualNorm norm{width,
                                     static_cast<float>(epsilon),
                                     values<float>(bias),
                                     values<float>(gamma),
                                     values<float>(beta),
                                     dropout_mask(static_cast<std::uint64_t>(key), p)};
    with_values(x, [&]<typename Value>(Value) {
      in_rows(scales.numel(), width, [&](std::int64_t row, std::int64_t rows) {
        const std::int64_t at = row * width;
        kernels::residual_norm_forward(norm, row, rows, values<Value>(x) + at,
                                       values<float>(residual) + at, values<float>(normalized) + at,
                                       values<float>(scales) + row, values<float>(y) + at);
      });
    });
    context->save_for_backward({normalized, scales, gamma});
    context->saved_data["type"] = static_cast<std::int64_t>(x.scalar_type());
    context->saved_data["key"] = key;
    context->saved_data["p"] = p;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& normalized = saved[0];
    const auto& scales = saved[1];
    const auto& gamma = saved[2];
    const auto dy = gradients[0].contiguous();
    const std::int64_t width = dy.size(-1);
    const auto type = static_cast<torch::ScalarType>(context->saved_data["type"].toInt());
    auto dx = torch::empty_like(normalized, type);
    auto d_residual = torch::empty_like(normalized);
    const kernels::ResidualNorm norm{
        width,
        0,
        nullptr,
        values<float>(gamma),
        nullptr,
        dropout_mask(static_cast<std::uint64_t>(context->saved_data["key"].toInt()),
                     context->saved_data["p"].toDouble())};
    torch::Tensor sums;
    with_values(dx, [&]<typename Value>(Value) {
      sums = summed_in_rows(
          scales.numel(), 3 * width, [&](std::int64_t row, std::int64_t rows, float* part) {
            const std::int64_t at = row * width;
            kernels::residual_norm_backward(norm, row, rows, values<float>(dy) + at,
                                            values<float>(normalized) + at,
                                            values<float>(scales) + row, values<Value>(dx) + at,
                                            values<float>(d_residual) + at, part);
          });
    });
    const auto parts = sums.view({3, width}).unbind(0);
    return {dx,
            parts[2].clone(),
            d_residual,
            parts[0].clone(),
            parts[1].clone(),
            torch::Tensor(),
            torch::Tensor(),
            torch::Tensor()};
  }
};

}  // namespace

torch::Tensor residual_norm(Dense& dense, torch::nn::LayerNorm& norm, const torch::Tensor& x,
                            const torch::Tensor& residual, double p, bool training) {
  if (residual.scalar_type() != torch::kFloat32 || !has_kernels(residual)) {
    return norm(models::dropout(dense(x), p, training) + residual);
  }
  const bool drops = training && p > 0;
  return ResidualNorm::apply(
      dense->product(x), dense->bias, residual, norm->weight, norm->bias, norm->options.eps(),
      drops ? next_dropout_key(token_values_before(residual)) : 0, drops ? p : 0.0);
}

}  // namespace reaugkd::models
