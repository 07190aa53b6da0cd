#include "models/relative_scores.h"

#include "kernels/relative_scores.h"
#include "models/kernel_values.h"

namespace reaugkd::models {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

kernels::RelativeShape relative_shape(const torch::Tensor& places, std::int64_t positions) {
  return {(places.size(0) + 1) / 2, positions, places.data_ptr<std::int32_t>()};
}

/// The gradient of one of the (N, T, P) matrices; `work` makes a block's.
template <typename Work>
torch::Tensor position_gradient(const torch::Tensor& gradient, std::int64_t positions,
                                const Work& work) {
  const std::int64_t tokens = gradient.size(1);
  auto to = torch::empty({gradient.size(0), tokens, positions}, gradient.options());
  with_values(gradient, [&]<typename Value>(Value) {
    at::parallel_for(0, gradient.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> scratch(static_cast<std::size_t>(tokens * positions));
      for (std::int64_t block = begin; block < end; ++block) {
        work(values<Value>(gradient) + block * tokens * tokens, scratch.data(),
             values<Value>(to) + block * tokens * positions);
      }
    });
  });
  return to;
}

class RelativeScores : public torch::autograd::Function<RelativeScores> {
 public:
  /// Matrices that are not there have no values.
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& raw_scores,
                               const torch::Tensor& raw_queries, const torch::Tensor& raw_keys,
                               const torch::Tensor& places) {
    const auto scores = raw_scores.contiguous();
    const auto of_queries = raw_queries.contiguous();
    const auto of_keys = raw_keys.contiguous();
    const std::int64_t tokens = scores.size(1);
    const auto& one = of_queries.numel() > 0 ? of_queries : of_keys;
    const auto shape = relative_shape(places, one.size(2));
    auto sum = torch::empty_like(scores);
    with_values(scores, [&]<typename Value>(Value) {
      const auto block_of = [&](const torch::Tensor& x, std::int64_t block) {
        return x.numel() > 0 ? values<Value>(x) + block * tokens * shape.positions : nullptr;
      };
      at::parallel_for(0, scores.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t block = begin; block < end; ++block) {
          const std::int64_t at = block * tokens * tokens;
          kernels::add_relative_scores(shape, values<Value>(scores) + at,
                                       block_of(of_queries, block), block_of(of_keys, block),
                                       values<Value>(sum) + at);
        }
      });
    });
    context->save_for_backward({places});
    context->saved_data["positions"] = shape.positions;
    context->saved_data["queries"] = of_queries.numel() > 0;
    context->saved_data["keys"] = of_keys.numel() > 0;
    return sum;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto places = context->get_saved_variables()[0];
    const auto gradient = gradients[0].contiguous();
    const std::int64_t positions = context->saved_data["positions"].toInt();
    const auto shape = relative_shape(places, positions);
    torch::Tensor of_queries, of_keys;
    if (context->saved_data["queries"].toBool()) {
      of_queries =
          position_gradient(gradient, positions, [&](auto* from, float* scratch, auto* to) {
            kernels::relative_query_gradient(shape, from, scratch, to);
          });
    }
    if (context->saved_data["keys"].toBool()) {
      of_keys = position_gradient(gradient, positions, [&](auto* from, float* scratch, auto* to) {
        kernels::relative_key_gradient(shape, from, scratch, to);
      });
    }
    return {gradient, of_queries, of_keys, torch::Tensor()};
  }
};

/// By LibTorch's gather: where there are no kernels.
torch::Tensor gathered(const torch::Tensor& scores, const torch::Tensor& of_queries,
                       const torch::Tensor& of_keys, const torch::Tensor& places) {
  const std::int64_t tokens = scores.size(1);
  const auto at = torch::arange(tokens);
  const auto ahead = at.unsqueeze(0) - at.unsqueeze(1) + tokens - 1;  // (query, key)
  const auto pairs = places.to(torch::kInt64).take(ahead).to(scores.device());
  const auto index = pairs.unsqueeze(0).expand({scores.size(0), tokens, tokens});
  auto sum = scores;
  if (of_queries.defined()) sum = sum + of_queries.gather(2, index);
  if (of_keys.defined()) {
    sum = sum + of_keys.gather(2, index.transpose(1, 2)).transpose(1, 2);
  }
  return sum;
}

}  // namespace

torch::Tensor relative_scores(const torch::Tensor& scores, const torch::Tensor& of_queries,
                              const torch::Tensor& of_keys,
                              const std::vector<std::int32_t>& places) {
  if (!of_queries.defined() && !of_keys.defined()) return scores;
  const auto table = torch::tensor(places, torch::kInt32);
  if (!has_kernels(scores)) return gathered(scores, of_queries, of_keys, table);
  const auto or_none = [&](const torch::Tensor& x) {
    return x.defined() ? x : torch::empty({0}, scores.options());
  };
  return RelativeScores::apply(scores, or_none(of_queries), or_none(of_keys), table);
}

}  // namespace reaugkd::models
