#include "models/packing.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "kernels/packed_attention.h"
#include "models/dropout.h"
#include "models/kernel_values.h"

namespace reaugkd::models {
namespace {

/// To 8, 16, .. 128, then to eighths of a power of two: numbers of rows that come again.
std::size_t rounded_up(std::size_t n) {
  const std::size_t step = std::max<std::size_t>(8, std::bit_floor(n) / 8);
  return (n + step - 1) / step * step;
}

/// A batch's packing on its way through autograd.
struct TextBounds : torch::CustomClassHolder {
  explicit TextBounds(std::vector<std::int64_t> of_texts) : begins(std::move(of_texts)) {}
  std::vector<std::int64_t> begins;
};

/// work(text, head, its PackedHead, scratch) of every text and head, by LibTorch's threads. A
/// thread has whole heads, so that it alone adds to what a head's texts share.
template <typename Work>
void for_heads(const std::vector<std::int64_t>& begins, std::int64_t heads, std::int64_t width,
               const torch::Tensor& relative, std::uint64_t key, double p, const Work& work) {
  std::int64_t longest = 0, pairs = 0;
  std::vector<std::int64_t> pairs_before;  // of a text's tokens, in the texts before it
  for (std::size_t text = 0; text + 1 < begins.size(); ++text) {
    const std::int64_t tokens = begins[text + 1] - begins[text];
    longest = std::max(longest, tokens);
    pairs_before.push_back(pairs);
    pairs += tokens * tokens;
  }
  const std::int64_t table = relative.numel() > 0 ? relative.size(3) : 0;
  const auto scratch_size =
      static_cast<std::size_t>(kernels::packed_attention_scratch(longest, width));
  const std::int64_t grain = std::max<std::int64_t>(1, kPart / std::max<std::int64_t>(1, pairs));
  at::parallel_for(0, heads, grain, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> scratch(scratch_size);
    for (std::int64_t head = first; head < last; ++head) {
      for (std::size_t text = 0; text < pairs_before.size(); ++text) {
        const std::int64_t tokens = begins[text + 1] - begins[text];
        if (tokens == 0) continue;
        const auto position =
            static_cast<std::uint32_t>(heads * pairs_before[text] + head * tokens * tokens);
        work(begins[text], head,
             kernels::PackedHead{
                 tokens, width, 3 * heads * width, heads * width,
                 static_cast<float>(1 / std::sqrt(static_cast<double>(width))),
                 table > 0 ? values<float>(relative) + head * table * table : nullptr, table,
                 dropout_mask(key, p), position},
             scratch.data());
      }
    }
  });
}

class PackedAttention : public torch::autograd::Function<PackedAttention> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& raw_projections,
                               const torch::Tensor& raw_relative,
                               const c10::intrusive_ptr<TextBounds>& bounds, std::int64_t heads,
                               std::int64_t key, double p) {
    const auto projections = raw_projections.contiguous();
    const auto relative = raw_relative.contiguous();
    const std::int64_t hidden = projections.size(1) / 3;
    const std::int64_t width = hidden / heads;
    auto sums = torch::empty({projections.size(0), hidden}, projections.options());
    sums.slice(0, bounds->begins.back()).zero_();
    auto log_sums = torch::empty({heads, projections.size(0)}, torch::kFloat32);
    with_values(projections, [&]<typename Value>(Value) {
      for_heads(bounds->begins, heads, width, relative, static_cast<std::uint64_t>(key), p,
                [&](std::int64_t row, std::int64_t head, const kernels::PackedHead& shape,
                    float* scratch) {
                  const auto* q = values<Value>(projections) + row * 3 * hidden + head * width;
                  kernels::packed_attention_forward(
                      shape, q, q + hidden, q + 2 * hidden, scratch,
                      values<Value>(sums) + row * hidden + head * width,
                      values<float>(log_sums) + head * projections.size(0) + row);
                });
    });
    context->save_for_backward({projections, relative, log_sums});
    context->saved_data["bounds"] = c10::IValue::make_capsule(bounds);
    context->saved_data["heads"] = heads;
    context->saved_data["key"] = key;
    context->saved_data["p"] = p;
    context->saved_data["relative"] = raw_relative.requires_grad();
    return sums;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& projections = saved[0];
    const auto& relative = saved[1];
    const auto& log_sums = saved[2];
    const auto capsule = context->saved_data["bounds"].toCapsule();
    const auto& begins = static_cast<const TextBounds&>(*capsule).begins;
    const std::int64_t heads = context->saved_data["heads"].toInt();
    const std::int64_t hidden = projections.size(1) / 3;
    const std::int64_t width = hidden / heads;
    const auto gradient = gradients[0].to(projections.scalar_type()).contiguous();
    auto to = torch::empty_like(projections);
    to.slice(0, begins.back()).zero_();
    const auto of_relative =
        context->saved_data["relative"].toBool() ? torch::zeros_like(relative) : torch::Tensor();
    with_values(projections, [&]<typename Value>(Value) {
      for_heads(begins, heads, width, relative,
                static_cast<std::uint64_t>(context->saved_data["key"].toInt()),
                context->saved_data["p"].toDouble(),
                [&](std::int64_t row, std::int64_t head, const kernels::PackedHead& shape,
                    float* scratch) {
                  const std::int64_t at = row * 3 * hidden + head * width;
                  const auto* q = values<Value>(projections) + at;
                  auto* dq = values<Value>(to) + at;
                  const std::int64_t table = shape.relative_step;
                  kernels::packed_attention_backward(
                      shape, q, q + hidden, q + 2 * hidden,
                      values<float>(log_sums) + head * projections.size(0) + row,
                      values<Value>(gradient) + row * hidden + head * width, scratch, dq,
                      dq + hidden, dq + 2 * hidden,
                      of_relative.defined() ? values<float>(of_relative) + head * table * table
                                            : nullptr);
                });
    });
    return {to, of_relative, torch::Tensor(), torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

Packing::Packing(const torch::Tensor& attention_mask, bool few_shapes)
    : texts(attention_mask.size(0)), longest(attention_mask.size(1)), begins{0} {
  const auto mask = attention_mask.to(torch::kInt64).contiguous();
  const auto* is_token = mask.data_ptr<std::int64_t>();
  std::vector<std::int64_t> tokens;
  for (std::int64_t text = 0; text < texts; ++text) {
    const auto* begin = is_token + text * longest;
    const auto* end = std::find(begin, begin + longest, 0);
    REAUGKD_CHECK(std::all_of(end, begin + longest, [](std::int64_t is) { return is == 0; }),
                  "padding stands between tokens of text {}", text);
    for (; begin != end; ++begin) tokens.push_back(begin - is_token);
    begins.push_back(static_cast<std::int64_t>(tokens.size()));
  }
  if (few_shapes && !tokens.empty()) tokens.resize(rounded_up(tokens.size()), tokens.front());
  places = torch::tensor(tokens, torch::kInt64);
}

torch::Tensor Packing::pack(const torch::Tensor& x) const {
  const auto flat = x.flatten(0, 1);
  const bool all = begins.back() == flat.size(0) && places.numel() == flat.size(0);
  return all ? flat : flat.index_select(0, places);
}

torch::Tensor Packing::unpack(const torch::Tensor& x) const {
  const std::int64_t all = texts * longest;
  const std::int64_t tokens = begins.back();
  const auto rows = x.slice(0, 0, tokens);
  const auto flat = tokens == all ? rows
                                  : torch::zeros({all, x.size(1)}, x.options())
                                        .index_copy(0, places.slice(0, 0, tokens), rows);
  return flat.view({texts, longest, x.size(1)});
}

torch::Tensor packed_attention(const torch::Tensor& projections, const Packing& packing,
                               std::int64_t heads, const torch::Tensor& relative, double p,
                               bool training) {
  const bool drops = training && p > 0;
  return PackedAttention::apply(
      projections, relative.defined() ? relative : torch::empty({0}),
      c10::make_intrusive<TextBounds>(packing.begins), heads,
      drops ? next_dropout_key(slice_of_thread().pairs_before * heads) : 0, drops ? p : 0.0);
}

}  // namespace reaugkd::models
