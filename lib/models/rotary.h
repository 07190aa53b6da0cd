// Rotary position embeddings (Su et al., 2021): queries and keys are turned by angles that grow
// with the token's place, so that their product depends on the distance.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <mutex>

namespace reaugkd::models {

/// Row t: cos and sin of t / theta^(2 i / d).
struct RotaryAngles {
  torch::Tensor cosines, sines;  // (T, d / 2) fp32 each
};

/// The angles of one theta, made once for the longest text so far.
class RotaryTable {
 public:
  RotaryTable(double theta, std::int64_t head_size) : theta_(theta), head_size_(head_size) {}
  RotaryAngles angles(std::int64_t tokens, const torch::Device& device);

 private:
  double theta_;
  std::int64_t head_size_;  // d
  RotaryAngles kept_;
  std::mutex mutex_;  // slices of a batch ask at once
};

/// x (B, T, heads d), d even, by heads and turned: (B, heads, T, d).
torch::Tensor rotary(const torch::Tensor& x, std::int64_t heads, const RotaryAngles& angles);

}  // namespace reaugkd::models
