// Checkpoints with known outputs, as the tests of the encoder use them.
#pragma once

#include <torch/torch.h>

#include <filesystem>

#include "models/bert.h"
#include "tensor/safetensors.h"

namespace reaugkd::tests {

inline const std::filesystem::path kGolden =
    std::filesystem::path(REAUGKD_SOURCE_DIR) / "tests/golden";
inline const std::filesystem::path kGoldenBert = kGolden / "random-bert-l2-h32";

/// The inputs that an expected.safetensors holds beside the outputs.
inline models::EncoderInput input_of(const tensor::TensorMap& expected) {
  return {expected.at("input_ids").to(torch::kInt64),
          expected.at("token_type_ids").to(torch::kInt64),
          expected.at("attention_mask").to(torch::kInt64)};
}

inline double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

/// Dense, also where the model's own is sparse (models/word_embedding.h); undefined where there is
/// none.
inline torch::Tensor gradient_of(const torch::Tensor& parameter) {
  const auto gradient = parameter.grad();
  return gradient.defined() && gradient.is_sparse() ? gradient.to_dense() : gradient;
}

}  // namespace reaugkd::tests
