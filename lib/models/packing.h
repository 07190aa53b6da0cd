// A batch without its padding: the tokens of all texts one after the other. Every layer but
// attention treats tokens one by one, so that padding would be work for nothing.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace reaugkd::models {

struct Packing {
  /// Of attention_mask (B, T) on a CPU, whose texts have their padding at the end. `few_shapes`: N
  /// is rounded up, by at most an eighth.
  Packing(const torch::Tensor& attention_mask, bool few_shapes);

  /// x (B, T, ..) -> (N, ..): of all tokens, then of copies of one, which stand for nothing.
  torch::Tensor pack(const torch::Tensor& x) const;
  /// x (N, H) -> (B, T, H), with 0 at the padding.
  torch::Tensor unpack(const torch::Tensor& x) const;

  std::int64_t texts, longest;       // B, T
  torch::Tensor places;              // (N) int64: where each row is among the B T places
  std::vector<std::int64_t> begins;  // (B + 1): text b has the rows begins[b] .. begins[b + 1]
};

/// dropout(softmax(q k^T / sqrt(d) + relative)) v of all heads side by side, each token with those
/// of its own text: (N, H) of `projections` (N, 3 H), which has q, k and v side by side, fp32 or
/// bf16; computed in fp32. `relative` (1, heads, T, T) may be undefined. A text does not depend on
/// others.
torch::Tensor packed_attention(const torch::Tensor& projections, const Packing& packing,
                               std::int64_t heads, const torch::Tensor& relative, double p,
                               bool training);

}  // namespace reaugkd::models
