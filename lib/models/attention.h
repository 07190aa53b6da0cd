// Self-attention from its projections on: what BERT's kin, MPNet and ModernBERT share.
#pragma once

#include <torch/torch.h>

#include "models/attention_weights.h"
#include "models/encoder.h"

namespace reaugkd::models {

/// (B, T, heads d) -> (B, heads, T, d), a view.
torch::Tensor by_head(const torch::Tensor& x, std::int64_t heads);

/// dropout(softmax(q k^T / sqrt(d) + bias)) v of all heads side by side: all (B, heads, T, d) ->
/// (B, T, heads d). Notes scores and values in `trace` unless it is null.
torch::Tensor attention(const torch::Tensor& query, const torch::Tensor& key,
                        const torch::Tensor& value, const AttentionBias& bias, double p,
                        bool training, EncoderTrace* trace);

}  // namespace reaugkd::models
