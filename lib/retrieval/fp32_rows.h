// Stored embeddings, fp32 or fp16, as fp32: what is there where they are fp32, else converted block
// by block or row by row. Used by the exact index, the HNSW file's check and the knowledge base's.
#pragma once

#include <torch/torch.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace reaugkd::retrieval {

/// Calls use(first row, rows (m, D) fp32) for all rows in order. fp16 is converted in blocks that
/// stay in a processor's cache.
template <typename Use>
void for_each_fp32_block(const torch::Tensor& embeddings, const Use& use) {
  if (embeddings.scalar_type() == torch::kFloat32) return use(0, embeddings);
  constexpr std::int64_t kCachedFloats = 1 << 21;  // 8 MiB
  const std::int64_t rows = embeddings.size(0);
  const std::int64_t block = std::clamp<std::int64_t>(kCachedFloats / embeddings.size(1), 1, rows);
  const auto buffer =
      torch::empty({block, embeddings.size(1)}, embeddings.options().dtype(torch::kFloat32));
  for (std::int64_t begin = 0; begin < rows; begin += block) {
    const std::int64_t count = std::min(block, rows - begin);
    auto converted = buffer.slice(0, 0, count);
    converted.copy_(embeddings.slice(0, begin, begin + count));
    use(begin, converted);
  }
}

constexpr std::int64_t kRowsOfBlock = 4096;  // in float64 at once

/// The sum of all rows, (D) float64 on the CPU.
inline torch::Tensor sum_of_rows(const torch::Tensor& embeddings) {
  auto sum = torch::zeros({embeddings.size(1)}, torch::kFloat64);
  for (const auto& block : embeddings.split(kRowsOfBlock)) {
    sum += block.to(torch::kCPU, torch::kFloat64).sum(0);
  }
  return sum;
}

/// Gives the D floats of a row on the CPU, valid until its next call: a reader for each thread.
inline std::function<const float*(std::int64_t row)> fp32_row_reader(
    const torch::Tensor& embeddings) {
  const std::int64_t dimension = embeddings.size(1);
  if (embeddings.scalar_type() == torch::kFloat32) {
    const float* rows = embeddings.data_ptr<float>();
    return [rows, dimension](std::int64_t row) { return rows + row * dimension; };
  }
  const auto* rows = embeddings.data_ptr<at::Half>();
  return [rows, dimension, vector = std::vector<float>(static_cast<std::size_t>(dimension))](
             std::int64_t row) mutable {
    std::copy_n(rows + row * dimension, dimension, vector.begin());
    return static_cast<const float*>(vector.data());
  };
}

}  // namespace reaugkd::retrieval
