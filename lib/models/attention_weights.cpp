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

/// work(text, first row, the same in the whole batch, rows, scratch) over parts of all rows of
/// `scores` that share a text.
template <typename Work>
void for_rows(const torch::Tensor& scores, const SliceOfBatch& slice, const Work& work) {
  const std::int64_t tokens = scores.size(3);
  const std::int64_t rows_of_text = scores.size(1) * scores.size(2);
  const std::int64_t rows = scores.size(0) * rows_of_text;
  at::parallel_for(0, rows, std::max<std::int64_t>(1, kPart / tokens),
                   [&](std::int64_t begin, std::int64_t end) {
                     std::vector<float> scratch(static_cast<std::size_t>(tokens));
                     while (begin < end) {
                       const std::int64_t text = begin / rows_of_text;
                       const std::int64_t until = std::min(end, (text + 1) * rows_of_text);
                       const std::int64_t further = slice.in_batch(text) - text;
                       work(text, begin, begin + further * rows_of_text, until - begin,
                            scratch.data());
                       begin = until;
                     }
                   });
}

class AttentionWeights : public torch::autograd::Function<AttentionWeights> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& raw_scores, const torch::Tensor& raw_relative,
                               const torch::Tensor& raw_padding, std::int64_t window, double scale,
                               std::int64_t key, double p) {
    const auto scores = raw_scores.contiguous();
    const auto padding = raw_padding.contiguous();
    const auto relative = raw_relative.contiguous();
    const std::int64_t tokens = scores.size(3);
    const std::int64_t rows_of_text = scores.size(1) * tokens;
    auto weights = torch::empty_like(scores);
    const auto dropped = p > 0 ? torch::empty_like(scores) : torch::Tensor();
    const kernels::AttentionRows shape{tokens, window, static_cast<float>(scale),
                                       dropout_mask(static_cast<std::uint64_t>(key), p)};
    const SliceOfBatch slice = slice_of_thread();
    with_values(scores, [&]<typename Value>(Value) {
      for_rows(scores, slice,
               [&](std::int64_t text, std::int64_t row, std::int64_t row_of_batch, std::int64_t n,
                   float* scratch) {
                 const kernels::AttentionBiases biases{
                     values<float>(padding) + text * tokens,
                     relative.numel() > 0 ? values<float>(relative) + row % rows_of_text * tokens
                                          : nullptr};
                 kernels::attention_weights_forward(
                     shape, row_of_batch, n, values<Value>(scores) + row * tokens, biases, scratch,
                     values<Value>(weights) + row * tokens,
                     p > 0 ? values<Value>(dropped) + row * tokens : nullptr);
               });
    });
    context->save_for_backward({weights});
    context->saved_data["scale"] = scale;
    context->saved_data["key"] = key;
    context->saved_data["p"] = p;
    context->saved_data["slice"] = std::vector<std::int64_t>{slice.begin, slice.texts, slice.batch};
    context->saved_data["relative"] = raw_relative.requires_grad();
    return p > 0 ? dropped : weights;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto weights = context->get_saved_variables()[0];
    const auto gradient = gradients[0].to(weights.scalar_type()).contiguous();
    const std::int64_t tokens = weights.size(3);
    auto to = torch::empty_like(weights);
    const double scale = context->saved_data["scale"].toDouble();
    const kernels::AttentionRows shape{
        tokens, tokens, static_cast<float>(scale),
        dropout_mask(static_cast<std::uint64_t>(context->saved_data["key"].toInt()),
                     context->saved_data["p"].toDouble())};
    const auto texts = context->saved_data["slice"].toIntVector();
    const SliceOfBatch slice{texts[0], texts[1], texts[2]};
    with_values(weights, [&]<typename Value>(Value) {
      for_rows(weights, slice,
               [&](std::int64_t, std::int64_t row, std::int64_t row_of_batch, std::int64_t n,
                   float* scratch) {
                 kernels::attention_weights_backward(shape, row_of_batch, n,
                                                     values<Value>(weights) + row * tokens,
                                                     values<Value>(gradient) + row * tokens,
                                                     scratch, values<Value>(to) + row * tokens);
               });
    });
    torch::Tensor of_relative;  // what is added to all texts has the sum of their gradients
    if (context->saved_data["relative"].toBool()) {
      of_relative = to.sum(0, /*keepdim=*/true, torch::kFloat32).div_(scale);
    }
    return {to,
            of_relative,
            torch::Tensor(),
            torch::Tensor(),
            torch::Tensor(),
            torch::Tensor(),
            torch::Tensor()};
  }
};

/// All biases as one that can be added to scores: (B, 1 or heads, 1 or T, T).
torch::Tensor whole(const AttentionBias& bias) {
  auto sum = bias.padding;
  if (bias.relative.defined()) sum = sum + bias.relative;
  const std::int64_t tokens = bias.padding.size(3);
  if (bias.window + 1 >= tokens) return sum;
  const auto places = torch::arange(tokens, sum.options());
  const auto distance = (places.unsqueeze(0) - places.unsqueeze(1)).abs();
  // Lower than padding: in a window of nothing but padding its weights stay within the window.
  return sum + distance.gt(static_cast<double>(bias.window)).to(torch::kFloat32).mul_(-1e12F);
}

}  // namespace

torch::Tensor padding_bias(const torch::Tensor& attention_mask) {
  return (1 - attention_mask.to(torch::kFloat32)).mul_(-1e9F).unsqueeze(1).unsqueeze(1);
}

torch::Tensor attention_weights(const torch::Tensor& scores, const AttentionBias& bias,
                                double scale, double p, bool training) {
  if (!has_kernels(scores) || p >= 1) {
    const auto sum = torch::add(whole(bias), scores, scale);
    return models::dropout(torch::softmax(sum, -1), p, training);
  }
  const bool drops = training && p > 0;
  const auto relative = bias.relative.defined() ? bias.relative : torch::empty({0});
  return AttentionWeights::apply(scores, relative, bias.padding, bias.window, scale,
                                 drops ? next_dropout_key() : 0, drops ? p : 0.0);
}

#if REAUGKD_TORCH_AT_LEAST(2, 1)
bool has_fused_attention(const torch::Tensor& query) {
  return !has_kernels(query);
}

torch::Tensor fused_attention(const torch::Tensor& query, const torch::Tensor& key,
                              const torch::Tensor& value, const AttentionBias& bias, double p,
                              bool training) {
  return at::scaled_dot_product_attention(query, key, value, whole(bias).to(query.scalar_type()),
                                          training ? p : 0.0);
}
#else
bool has_fused_attention(const torch::Tensor&) {
  return false;
}

torch::Tensor fused_attention(const torch::Tensor&, const torch::Tensor&, const torch::Tensor&,
                              const AttentionBias&, double, bool) {
  throw base::InternalError("this LibTorch has no attention of its own");
}
#endif

}  // namespace reaugkd::models
