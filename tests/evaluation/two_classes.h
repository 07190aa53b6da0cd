// Probabilities of two classes from those of the second.
#pragma once

#include <torch/torch.h>

#include <vector>

namespace reaugkd::tests {

/// (n) -> (n, 2) fp32.
inline torch::Tensor two_classes(const std::vector<float>& of_class_1) {
  const auto p = torch::tensor(of_class_1);
  return torch::stack({1 - p, p}, 1);
}

}  // namespace reaugkd::tests
