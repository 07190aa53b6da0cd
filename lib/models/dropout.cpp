#include "models/dropout.h"

#include "models/kernel_values.h"

namespace reaugkd::models {
namespace {

constexpr double kTwoTo32 = 4294967296.0;

thread_local DropoutKeys* keys_of_thread = nullptr;

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

/// `before` of the batch's values are those of other slices.
torch::Tensor dropped(const torch::Tensor& x, std::int64_t before, double p, bool training) {
  if (!training || p <= 0) return x;
  return has_kernels(x) && p < 1 ? Dropout::apply(x, next_dropout_key(before), p)
                                 : torch::dropout(x, p, training);
}

}  // namespace

kernels::DropoutMask dropout_mask(std::uint64_t key, double p) {
  return {key, static_cast<std::uint32_t>(p * kTwoTo32), static_cast<float>(1 / (1 - p))};
}

DropoutKeys::DropoutKeys(std::uint64_t seed, const SliceOfBatch& slice)
    : random_(base::stream_seed(seed, "dropout keys")), slice_(slice), before_(keys_of_thread) {
  keys_of_thread = this;
}

DropoutKeys::~DropoutKeys() {
  keys_of_thread = before_;
}

SliceOfBatch slice_of_thread() {
  return keys_of_thread != nullptr ? keys_of_thread->slice() : SliceOfBatch{};
}

std::int64_t next_dropout_key(std::int64_t positions) {
  std::uint64_t key = 0;
  if (keys_of_thread != nullptr) {
    key = keys_of_thread->random().next();
  } else {
    auto generator = at::detail::getDefaultCPUGenerator();
    const std::lock_guard lock(generator.mutex());
    key = at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
  }
  const auto further = static_cast<std::uint32_t>(positions) * kernels::kPositionStep;
  const auto lower = static_cast<std::uint32_t>(key) + further;
  return static_cast<std::int64_t>((key & ~std::uint64_t{0xFFFFFFFF}) | lower);
}

std::int64_t token_values_before(const torch::Tensor& x) {
  const SliceOfBatch slice = slice_of_thread();
  return x.dim() == 2 ? slice.tokens_before * x.size(1) : slice.begin * x.size(1) * x.size(2);
}

torch::Tensor dropout(const torch::Tensor& x, double p, bool training) {
  const std::int64_t of_text = x.numel() / std::max<std::int64_t>(1, x.size(0));
  return dropped(x, slice_of_thread().begin * of_text, p, training);
}

torch::Tensor dropout_of_tokens(const torch::Tensor& x, double p, bool training) {
  return dropped(x, token_values_before(x), p, training);
}

torch::Tensor dropout_of_shared(const torch::Tensor& x, double p, bool training) {
  return dropped(x, 0, p, training);
}

}  // namespace reaugkd::models
