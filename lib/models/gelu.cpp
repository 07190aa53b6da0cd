#include "models/gelu.h"

#include "kernels/gelu.h"
#include "models/kernel_values.h"

namespace reaugkd::models {
namespace {

class Gelu : public torch::autograd::Function<Gelu> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x) {
    const auto from = x.contiguous();
    context->save_for_backward({from});
    auto y = torch::empty_like(from);
    with_values(from, [&]<typename Value>(Value) {
      in_parts(from.numel(), [&](std::int64_t begin, std::int64_t n) {
        kernels::gelu_forward(n, values<Value>(from) + begin, values<Value>(y) + begin);
      });
    });
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto x = context->get_saved_variables()[0];
    const auto dy = gradients[0].to(x.scalar_type()).contiguous();
    auto dx = torch::empty_like(x);
    with_values(x, [&]<typename Value>(Value) {
      in_parts(x.numel(), [&](std::int64_t begin, std::int64_t n) {
        kernels::gelu_backward(n, values<Value>(x) + begin, values<Value>(dy) + begin,
                               values<Value>(dx) + begin);
      });
    });
    return {dx};
  }
};

/// Of x + bias, which is not written.
class BiasedGelu : public torch::autograd::Function<BiasedGelu> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& bias) {
    const auto from = x.contiguous();
    context->save_for_backward({from, bias});
    auto y = torch::empty_like(from);
    const std::int64_t n = from.size(-1);
    with_values(from, [&]<typename Value>(Value) {
      in_rows(from.numel() / n, n, [&](std::int64_t row, std::int64_t rows) {
        kernels::biased_gelu_forward(rows, n, values<Value>(from) + row * n, values<float>(bias),
                                     values<Value>(y) + row * n);
      });
    });
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto dy = gradients[0].to(x.scalar_type()).contiguous();
    auto dx = torch::empty_like(x);
    const std::int64_t n = x.size(-1);
    torch::Tensor of_bias;
    with_values(x, [&]<typename Value>(Value) {
      of_bias =
          summed_in_rows(x.numel() / n, n, [&](std::int64_t row, std::int64_t rows, float* sums) {
            kernels::biased_gelu_backward(rows, n, values<Value>(x) + row * n,
                                          values<float>(saved[1]), values<Value>(dy) + row * n,
                                          values<Value>(dx) + row * n, sums);
          });
    });
    return {dx, of_bias};
  }
};

class Geglu : public torch::autograd::Function<Geglu> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x) {
    const auto from = x.contiguous();
    context->save_for_backward({from});
    auto sizes = from.sizes().vec();
    const std::int64_t n = sizes.back() /= 2;
    auto y = torch::empty(sizes, from.options());
    with_values(from, [&]<typename Value>(Value) {
      in_rows(y.numel() / n, n, [&](std::int64_t row, std::int64_t rows) {
        kernels::geglu_forward(rows, n, values<Value>(from) + row * 2 * n,
                               values<Value>(y) + row * n);
      });
    });
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto x = context->get_saved_variables()[0];
    const auto dy = gradients[0].to(x.scalar_type()).contiguous();
    const std::int64_t n = dy.size(-1);
    auto dx = torch::empty_like(x);
    with_values(x, [&]<typename Value>(Value) {
      in_rows(dy.numel() / n, n, [&](std::int64_t row, std::int64_t rows) {
        kernels::geglu_backward(rows, n, values<Value>(x) + row * 2 * n,
                                values<Value>(dy) + row * n, values<Value>(dx) + row * 2 * n);
      });
    });
    return {dx};
  }
};

}  // namespace

torch::Tensor gelu(const torch::Tensor& x) {
  return has_kernels(x) ? Gelu::apply(x) : at::gelu(x);
}

torch::Tensor biased_gelu(const torch::Tensor& x, const torch::Tensor& bias) {
  return BiasedGelu::apply(x, bias);
}

torch::Tensor geglu(const torch::Tensor& x) {
  if (has_kernels(x)) return Geglu::apply(x);
  const auto parts = x.chunk(2, -1);
  return at::gelu(parts[0]) * parts[1];
}

}  // namespace reaugkd::models
