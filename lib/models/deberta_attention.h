// DeBERTa's self-attention: a pair of tokens is scored by content, by the query's content and the
// distance, and by the key's content and the distance (He et al., ICLR 2021, equation 4).
#pragma once

#include <torch/torch.h>

#include <mutex>
#include <vector>

#include "models/deberta_settings.h"
#include "models/dense.h"
#include "models/encoder.h"
#include "models/joined_linear.h"
#include "models/model_config.h"

namespace reaugkd::models {

/// What all layers share in one forward pass.
struct DebertaPass {
  torch::Tensor padding;             // (B, 1, 1, T) fp32, padding_bias
  torch::Tensor positions;           // (P, H): the rows in use of the table; undefined: none
  std::vector<std::int32_t> places;  // DebertaPlaces
  ParameterState made_of;            // what `positions` was made of
};

/// Positions by one of a layer's matrices. In evaluation without gradients the last ones are kept
/// until a parameter, the length or the precision changes: they cost as much as a short text.
class PositionProjection {
 public:
  /// (P, H) -> (heads, d, P) of type `type`, which is what autocast makes of products.
  torch::Tensor operator()(const Dense& projection, const DebertaPass& pass, std::int64_t heads,
                           torch::ScalarType type);
  /// The same of these rows (P, H), made anew.
  static torch::Tensor projected(const Dense& projection, const torch::Tensor& rows,
                                 std::int64_t heads);

 private:
  torch::Tensor kept_;
  ParameterState made_of_;
  std::mutex mutex_;  // slices of a batch ask at once
};

class DebertaSelfAttentionImpl : public torch::nn::Module, public HasRoundedProduct {
 public:
  DebertaSelfAttentionImpl(const ModelConfig& config, const DebertaSettings& settings);
  /// hidden (B, T, H) -> (B, T, H). Notes scores (positions included) and values in `trace` unless
  /// it is null.
  torch::Tensor forward(const torch::Tensor& hidden, const DebertaPass& pass, EncoderTrace* trace);
  bool round_weights() override { return joined_.round(); }

 private:
  void register_projections(std::int64_t size);
  void register_position_projections(std::int64_t size);
  /// Query, key and value by head: (heads, B, T, d) each.
  std::vector<torch::Tensor> projections(const torch::Tensor& hidden);
  /// Scores by content and position, not scaled: (heads B, T, T).
  torch::Tensor scores(const torch::Tensor& query, const torch::Tensor& key,
                       const DebertaPass& pass);

  DebertaSettings settings_;
  std::int64_t heads_;
  double dropout_, position_dropout_;
  Dense query_{nullptr}, key_{nullptr}, value_{nullptr};  // v2
  Dense in_proj_{nullptr};                                // v1
  torch::Tensor q_bias_, v_bias_;                         // v1: (H)
  Dense position_key_{nullptr}, position_query_{nullptr};
  PositionProjection as_keys_, as_queries_;
  JoinedLinear joined_;
};
TORCH_MODULE(DebertaSelfAttention);

}  // namespace reaugkd::models
