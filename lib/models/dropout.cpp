#include "models/dropout.h"

#include "models/kernel_values.h"

namespace reaugkd::models {
namespace {

constexpr double kTwoTo32 = 4294967296.0;

thread_local base::Random* keys_of_thread = nullptr;

torch::Tensor masked(const torch::Tensor& x, std::uint64_t key, double p) {
  const auto from = x.contiguous();
  auto to = torch::empty_like(from);
  const kernels::DropoutMask mask = dropout_mask(key, p);
  with_values(from, [&]<typename Value>(Value) {
    in_parts(from.numel(), [&](std::int64_t begin, std::int64_t n) {
      kernels::apply_dropout(mask, begin, n, values<Value>(from) + begin,
                             values<Value>(to) + begin);
    });
  });
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

}  // namespace

kernels::DropoutMask dropout_mask(std::uint64_t key, double p) {
  return {key, static_cast<std::uint32_t>(p * kTwoTo32), static_cast<float>(1 / (1 - p))};
}

DropoutKeys::DropoutKeys(std::uint64_t seed, std::uint64_t stream)
    : random_(base::stream_seed(seed, "dropout keys", stream)) {
  keys_of_thread = &random_;
}

DropoutKeys::~DropoutKeys() {
  keys_of_thread = nullptr;
}

std::int64_t next_dropout_key() {
  if (keys_of_thread != nullptr) return static_cast<std::int64_t>(keys_of_thread->next());
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  return static_cast<std::int64_t>(
      at::check_generator<at::CPUGeneratorImpl>(generator)->random64());
}

torch::Tensor dropout(const torch::Tensor& x, double p, bool training) {
  if (!training || p <= 0) return x;
  return has_kernels(x) && p < 1 ? Dropout::apply(x, next_dropout_key(), p)
                                 : torch::dropout(x, p, training);
}

}  // namespace reaugkd::models
