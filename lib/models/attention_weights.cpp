#include "models/attention_weights.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "kernels/attention_weights.h"
#include "models/dropout.h"
#include "models/kernel_values.h"
#include "tensor/device.h"

namespace reaugkd::models {
namespace {

/// work(first row, rows, scratch) over parts of all rows of `scores` that share a text.
template <typename Work>
void for_rows(const torch::Tensor& scores, const Work& work) {
  const std::int64_t tokens = scores.size(3);
  const std::int64_t rows_of_text = scores.size(1) * scores.size(2);
  const std::int64_t rows = scores.size(0) * rows_of_text;
  at::parallel_for(0, rows, std::max<std::int64_t>(1, kPart / tokens),
                   [&](std::int64_t begin, std::int64_t end) {
                     std::vector<float> scratch(static_cast<std::size_t>(tokens));
                     while (begin < end) {
                       const std::int64_t text = begin / rows_of_text;
                       const std::int64_t until = std::min(end, (text + 1) * rows_of_text);
                       work(text, begin, until - begin, scratch.data());
                       begin = until;
                     }
                   });
}

class AttentionWeights : public torch::autograd::Function<AttentionWeights> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& raw_scores, const torch::Tensor& raw_bias,
                               double scale, std::int64_t key, double p) {
    const auto scores = raw_scores.contiguous();
    const auto bias = raw_bias.contiguous();
    const std::int64_t tokens = scores.size(3);
    auto weights = torch::empty_like(scores);
    const auto dropped = p > 0 ? torch::empty_like(scores) : torch::Tensor();
    const kernels::AttentionRows shape{tokens, static_cast<float>(scale),
                                       dropout_mask(static_cast<std::uint64_t>(key), p)};
    with_values(scores, [&]<typename Value>(Value) {
      for_rows(scores, [&](std::int64_t text, std::int64_t row, std::int64_t n, float* scratch) {
        kernels::attention_weights_forward(shape, row, n, values<Value>(scores) + row * tokens,
                                           values<float>(bias) + text * tokens, scratch,
                                           values<Value>(weights) + row * tokens,
                                           p > 0 ? values<Value>(dropped) + row * tokens : nullptr);
      });
    });
    context->save_for_backward({weights});
    context->saved_data["scale"] = scale;
    context->saved_data["key"] = key;
    context->saved_data["p"] = p;
    return p > 0 ? dropped : weights;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto weights = context->get_saved_variables()[0];
    const auto gradient = gradients[0].to(weights.scalar_type()).contiguous();
    const std::int64_t tokens = weights.size(3);
    auto to = torch::empty_like(weights);
    const kernels::AttentionRows shape{
        tokens, static_cast<float>(context->saved_data["scale"].toDouble()),
        dropout_mask(static_cast<std::uint64_t>(context->saved_data["key"].toInt()),
                     context->saved_data["p"].toDouble())};
    with_values(weights, [&]<typename Value>(Value) {
      for_rows(weights, [&](std::int64_t, std::int64_t row, std::int64_t n, float* scratch) {
        kernels::attention_weights_backward(shape, row, n, values<Value>(weights) + row * tokens,
                                            values<Value>(gradient) + row * tokens, scratch,
                                            values<Value>(to) + row * tokens);
      });
    });
    return {to, torch::Tensor(), torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor attention_weights(const torch::Tensor& scores, const torch::Tensor& bias,
                                double scale, double p, bool training) {
  if (!has_kernels(scores) || p >= 1) {
    return models::dropout(torch::softmax(torch::add(bias, scores, scale), -1), p, training);
  }
  const bool drops = training && p > 0;
  return AttentionWeights::apply(scores, bias, scale, drops ? next_dropout_key() : 0,
                                 drops ? p : 0.0);
}

#if REAUGKD_TORCH_AT_LEAST(2, 1)
bool has_fused_attention(const torch::Tensor& query) {
  return !has_kernels(query);
}

torch::Tensor fused_attention(const torch::Tensor& query, const torch::Tensor& key,
                              const torch::Tensor& value, const torch::Tensor& bias, double p,
                              bool training) {
  return at::scaled_dot_product_attention(query, key, value, bias.to(query.scalar_type()),
                                          training ? p : 0.0);
}
#else
bool has_fused_attention(const torch::Tensor&) {
  return false;
}

torch::Tensor fused_attention(const torch::Tensor&, const torch::Tensor&, const torch::Tensor&,
                              const torch::Tensor&, double, bool) {
  throw base::InternalError("this LibTorch has no attention of its own");
}
#endif

}  // namespace reaugkd::models
