// Random unit rows for the retrieval tests.
#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

namespace reaugkd::tests {

inline torch::Tensor normal(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return torch::randn({rows, columns}, generator);
}

inline torch::Tensor unit_rows(std::int64_t rows, std::int64_t dimension, std::uint64_t seed) {
  return torch::nn::functional::normalize(normal(rows, dimension, seed));
}

/// Unit rows around `clusters` centers, as class clouds are.
inline torch::Tensor clustered_rows(std::int64_t rows, std::int64_t dimension,
                                    std::int64_t clusters, double spread, std::uint64_t seed) {
  const auto centers = unit_rows(clusters, dimension, seed + 1);
  const auto picked = centers.index_select(0, torch::arange(rows).remainder(clusters));
  return torch::nn::functional::normalize(picked + spread * unit_rows(rows, dimension, seed + 2));
}

}  // namespace reaugkd::tests
