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

}  // namespace

torch::Tensor gelu(const torch::Tensor& x) {
  return has_kernels(x) ? Gelu::apply(x) : at::gelu(x);
}

}  // namespace reaugkd::models
