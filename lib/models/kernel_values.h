// How this module's kernels, which know plain memory alone, are called with tensors.
#pragma once

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <cstdint>

namespace reaugkd::models {

constexpr std::int64_t kPart = 1 << 15;  // values of one task

/// Whether there are kernels for x: fp32 or bf16 on a CPU.
inline bool has_kernels(const torch::Tensor& x) {
  return x.device().is_cpu() &&
         (x.scalar_type() == torch::kFloat32 || x.scalar_type() == torch::kBFloat16);
}

/// work(Value()) with the type that kernels take for x: float, or bf16's bits.
template <typename Work>
void with_values(const torch::Tensor& x, const Work& work) {
  if (x.scalar_type() == torch::kBFloat16) {
    work(std::uint16_t{});
  } else {
    work(float{});
  }
}

template <typename Value>
Value* values(const torch::Tensor& contiguous) {
  return static_cast<Value*>(contiguous.data_ptr());
}

/// work(begin, count) over parts of [0, n) by LibTorch's threads.
template <typename Work>
void in_parts(std::int64_t n, const Work& work) {
  at::parallel_for(0, n, kPart,
                   [&](std::int64_t begin, std::int64_t end) { work(begin, end - begin); });
}

}  // namespace reaugkd::models
