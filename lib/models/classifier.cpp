#include "models/classifier.h"

#include <ATen/Parallel.h>

#include <atomic>
#include <limits>
#include <vector>

#include "base/error.h"
#include "models/dense.h"
#include "models/dropout.h"
#include "models/family.h"

namespace reaugkd::models {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

ClassifierImpl::ClassifierImpl(const ModelConfig& config)
    : encoder_(register_module(config.family->encoder_name(), config.family->make_encoder(config))),
      classifier_(register_module("classifier",
                                  torch::nn::Linear(config.hidden_size, config.num_labels()))),
      dropout_(config.classifier_dropout) {}

ClassifierOutput ClassifierImpl::forward(const EncoderInput& input, Pooling pooling,
                                         EncoderTrace* trace) {
  const EncoderOutput states = encoder_->forward(input, trace);
  const auto embedding = pooled(states, input.attention_mask, pooling).to(torch::kFloat32);
  const auto logits = classify(states);
  if (!has_query_head()) return {logits, embedding, embedding};
  const tensor::AutocastOffGuard in_fp32(embedding.device());
  return {logits, embedding, query_(embedding)};
}

void ClassifierImpl::set_query_head(const torch::nn::Linear& head) {
  REAUGKD_CHECK(!has_query_head(), "there is a query head");
  query_ = register_module("query", head);
}

std::int64_t ClassifierImpl::query_dimension() const {
  return has_query_head() ? query_->options.out_features() : classifier_->options.in_features();
}

void ClassifierImpl::prepare_to_answer(const tensor::Compute& compute) {
  REAUGKD_CHECK(!is_packed_, "a model is prepared to answer once");
  to(compute.device);
  if (!compute.device.is_cpu() || compute.precision == tensor::Precision::kBf16) return;
  const auto format = compute.precision == tensor::Precision::kInt8 ? kernels::Format::kInt8
                                                                    : kernels::Format::kFp32;
  if (!kernels::can_pack(format)) return;
  for (const auto& module : modules(/*include_self=*/false)) {
    if (auto* const dense = module->as<DenseImpl>()) dense->pack(format);
  }
  is_packed_ = true;
}

std::int64_t ClassifierImpl::round_weights() {
  std::vector<HasRoundedProduct*> all;
  for (const auto& module : modules(/*include_self=*/false)) {
    auto* const product = dynamic_cast<HasRoundedProduct*>(module.get());
    if (product != nullptr) all.push_back(product);
  }
  std::atomic<std::int64_t> rounded = 0;
  at::parallel_for(0, std::ssize(all), 1, [&](std::int64_t begin, std::int64_t end) {
    for (; begin < end; ++begin) {
      if (all[static_cast<std::size_t>(begin)]->round_weights()) ++rounded;
    }
  });
  return rounded;
}

torch::Tensor ClassifierImpl::continue_from(std::int64_t first, const torch::Tensor& hidden,
                                            const torch::Tensor& attention_mask) {
  return classify(encoder_->continue_from(first, hidden, attention_mask, nullptr));
}

torch::Tensor ClassifierImpl::classify(const EncoderOutput& states) {
  return classifier_(models::dropout(states.pooler_output, dropout_, is_training()))
      .to(torch::kFloat32);
}

torch::Tensor unit_rows(const torch::Tensor& x) {
  return x / x.norm(2, 1, /*keepdim=*/true).clamp_min(1e-12);
}

torch::Tensor pooled(const EncoderOutput& states, const torch::Tensor& attention_mask,
                     Pooling pooling) {
  if (pooling == Pooling::kPooler) return states.pooler_output;
  if (pooling == Pooling::kCls) return states.last_hidden_state.select(1, 0);
  if (pooling == Pooling::kMax) {
    const auto padding = attention_mask.eq(0).unsqueeze(-1);  // (B, T, 1)
    const auto values = states.last_hidden_state.masked_fill(padding, -kInfinity);
    return std::get<0>(values.max(1));
  }
  const auto mask = attention_mask.to(torch::kFloat32).unsqueeze(-1);  // (B, T, 1)
  return (states.last_hidden_state * mask).sum(1) / mask.sum(1);
}

}  // namespace reaugkd::models
