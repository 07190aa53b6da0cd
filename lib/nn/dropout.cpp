#include "nn/dropout.h"

#include <ATen/Parallel.h>

#include "nn/dropout_kernel.h"

namespace reaugkd::nn {
namespace {

constexpr std::int64_t kGrain = 1 << 15;  // values of one task
constexpr double kTwoTo32 = 4294967296.0;

template <typename Value>
void apply(const DropoutMask& mask, const torch::Tensor& from, torch::Tensor& to) {
  const auto* source = static_cast<const Value*>(from.data_ptr());
  auto* target = static_cast<Value*>(to.data_ptr());
  at::parallel_for(0, from.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    apply_dropout(mask, begin, end - begin, source + begin, target + begin);
  });
}

torch::Tensor masked(const torch::Tensor& x, std::uint64_t key, double p) {
  const auto from = x.contiguous();
  auto to = torch::empty_like(from);
  const DropoutMask mask{key, static_cast<std::uint32_t>(p * kTwoTo32),
                         static_cast<float>(1 / (1 - p))};
  if (from.scalar_type() == torch::kBFloat16) {
    apply<std::uint16_t>(mask, from, to);
  } else {
    apply<float>(mask, from, to);
  }
  return to;
}

class Dropout : public torch::autograd::Function<Dropout> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               std::int64_t key, double p) {
    context->saved_data["key"] = key;
    context->saved_data["p"] = p;
    return masked(x, static_cast<std::uint64_t>(key), p);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto key = static_cast<std::uint64_t>(context->saved_data["key"].toInt());
    return {masked(gradients[0], key, context->saved_data["p"].toDouble()), torch::Tensor(),
            torch::Tensor()};
  }
};

std::int64_t next_key() {
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  return static_cast<std::int64_t>(
      at::check_generator<at::CPUGeneratorImpl>(generator)->random64());
}

}  // namespace

torch::Tensor dropout(const torch::Tensor& x, double p, bool training) {
  if (!training || p <= 0) return x;
  const auto dtype = x.scalar_type();
  const bool ours =
      x.device().is_cpu() && p < 1 && (dtype == torch::kFloat32 || dtype == torch::kBFloat16);
  return ours ? Dropout::apply(x, next_key(), p) : torch::dropout(x, p, training);
}

}  // namespace reaugkd::nn
