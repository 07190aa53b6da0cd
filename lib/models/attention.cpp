#include "models/attention.h"

#include <cmath>

namespace reaugkd::models {

torch::Tensor by_head(const torch::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

torch::Tensor attention(const torch::Tensor& query, const torch::Tensor& key,
                        const torch::Tensor& value, const AttentionBias& bias, double p,
                        bool training, EncoderTrace* trace) {
  const auto width = query.size(3);                        // d
  const auto joined = [&](const torch::Tensor& context) {  // from (B, heads, T, d)
    return context.transpose(1, 2).reshape({query.size(0), query.size(2), query.size(1) * width});
  };
  if (trace == nullptr && models::has_fused_attention(query)) {
    return joined(models::fused_attention(query, key, value, bias, p, training));
  }
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  const auto scores = torch::matmul(query, key.transpose(-1, -2));
  if (trace != nullptr) {
    const auto scaled = scores * scale;
    trace->attention_scores.push_back(bias.relative.defined() ? scaled + bias.relative : scaled);
    trace->values = value;
  }
  const auto weights =
      models::attention_weights(scores, bias, scale, p, training);  // (B, heads, T, T)
  return joined(torch::matmul(weights, value));
}

}  // namespace reaugkd::models
