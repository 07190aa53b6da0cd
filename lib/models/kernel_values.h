// How this module's kernels, which know plain memory alone, are called with tensors.
#pragma once

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
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

/// work(first row, count) over parts of n rows of `width` values by LibTorch's threads.
template <typename Work>
void in_rows(std::int64_t n, std::int64_t width, const Work& work) {
  at::parallel_for(0, n, std::max<std::int64_t>(1, kPart / width),
                   [&](std::int64_t begin, std::int64_t end) { work(begin, end - begin); });
}

/// work(first row, count, sums) over parts of n rows; each adds `count` values over its rows to its
/// own sums. All together, (count) fp32, in an order that threads do not change.
template <typename Work>
torch::Tensor summed_in_rows(std::int64_t n, std::int64_t count, const Work& work) {
  constexpr std::int64_t kRows = 64;  // of a part
  const std::int64_t parts = std::max<std::int64_t>(1, (n + kRows - 1) / kRows);
  auto sums = torch::zeros({parts, count}, torch::kFloat32);
  at::parallel_for(0, parts, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t part = first; part < last; ++part) {
      const std::int64_t begin = part * kRows;
      work(begin, std::min(n, begin + kRows) - begin, values<float>(sums) + part * count);
    }
  });
  auto total = sums[0];
  for (std::int64_t part = 1; part < parts; ++part) total += sums[part];
  return total;
}

}  // namespace reaugkd::models
