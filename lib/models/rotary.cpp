#include "models/rotary.h"

#include <algorithm>

#include "kernels/rotary.h"
#include "models/attention.h"
#include "models/kernel_values.h"

namespace reaugkd::models {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kFewestAngles = 128;

/// From (B, T, heads, d) in memory, tokens `from_stride` apart, to (B, heads, T, d), or back.
struct Turn {
  torch::Tensor from, to;
  std::int64_t batch, heads, tokens, width;
  std::int64_t from_text, from_head, from_token;  // strides
  std::int64_t to_text, to_head, to_token;
  float direction;

  void run(const RotaryAngles& angles) const {
    with_values(from, [&]<typename Value>(Value) {
      const kernels::RotaryShape shape{tokens, width / 2, from_token, to_token};
      at::parallel_for(0, batch * heads, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t block = begin; block < end; ++block) {
          const std::int64_t text = block / heads;
          const std::int64_t head = block % heads;
          kernels::rotate(shape, values<Value>(from) + text * from_text + head * from_head,
                          values<float>(angles.cosines), values<float>(angles.sines), direction,
                          values<Value>(to) + text * to_text + head * to_head);
        }
      });
    });
  }
};

class Rotary : public torch::autograd::Function<Rotary> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& raw,
                               std::int64_t heads, const torch::Tensor& cosines,
                               const torch::Tensor& sines) {
    const auto x = raw.stride(2) == 1 ? raw : raw.contiguous();
    const std::int64_t tokens = x.size(1);
    const std::int64_t width = x.size(2) / heads;
    auto y = torch::empty({x.size(0), heads, tokens, width}, x.options());
    Turn{x,     y,           x.size(0),   heads,       tokens, width, x.stride(0),
         width, x.stride(1), y.stride(0), y.stride(1), width,  1.0F}
        .run({cosines, sines});
    context->save_for_backward({cosines, sines});
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto angles = context->get_saved_variables();
    const auto dy = gradients[0].contiguous();
    const std::int64_t heads = dy.size(1);
    const std::int64_t tokens = dy.size(2);
    const std::int64_t width = dy.size(3);
    auto dx = torch::empty({dy.size(0), tokens, heads * width}, dy.options());
    Turn{dy,           dx,    dy.size(0),   heads, tokens,       width, dy.stride(0),
         dy.stride(1), width, dx.stride(0), width, dx.stride(1), -1.0F}
        .run({angles[0], angles[1]});
    return {dx, torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

RotaryAngles RotaryTable::angles(std::int64_t tokens, const torch::Device& device) {
  const std::lock_guard lock(mutex_);
  if (!kept_.cosines.defined() || kept_.cosines.size(0) < tokens ||
      kept_.cosines.device() != device) {
    const torch::NoGradGuard no_grad;
    const auto rows = std::max(2 * tokens, kFewestAngles);
    const auto exponents = torch::arange(0, head_size_, 2, torch::kFloat32) / head_size_;
    const auto frequencies = torch::pow(torch::scalar_tensor(theta_, torch::kFloat32), exponents)
                                 .reciprocal();  // (d / 2)
    const auto angles = torch::outer(torch::arange(rows, torch::kFloat32), frequencies);
    kept_ = {angles.cos().to(device), angles.sin().to(device)};
  }
  return {kept_.cosines.slice(0, 0, tokens), kept_.sines.slice(0, 0, tokens)};
}

torch::Tensor rotary(const torch::Tensor& x, std::int64_t heads, const RotaryAngles& angles) {
  if (has_kernels(x)) return Rotary::apply(x, heads, angles.cosines, angles.sines);
  const auto halves = by_head(x, heads).to(torch::kFloat32).chunk(2, -1);
  return torch::cat({halves[0] * angles.cosines - halves[1] * angles.sines,
                     halves[1] * angles.cosines + halves[0] * angles.sines},
                    -1)
      .to(x.scalar_type());
}

}  // namespace reaugkd::models
