#include "models/bert.h"

#include <cmath>

#include "base/error.h"
#include "models/attention_weights.h"
#include "models/bert_family.h"
#include "models/dropout.h"
#include "models/gelu.h"
#include "tensor/device.h"

namespace reaugkd::models {
namespace {

torch::nn::LayerNorm make_layer_norm(std::int64_t size, const ModelConfig& config) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({size}).eps(config.layer_norm_eps));
}

torch::Tensor activate(const torch::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kGelu:
      return models::gelu(x);
    case Activation::kGeluNew:
      return at::gelu(x, "tanh");
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kTanh:
      return torch::tanh(x);
  }
  throw base::InternalError("unknown activation");
}

}  // namespace

BertEmbeddingsImpl::BertEmbeddingsImpl(const ModelConfig& config)
    : word_embeddings_(register_module(
          "word_embeddings", torch::nn::Embedding(config.vocab_size, config.embedding_width()))),
      position_embeddings_(register_module(
          "position_embeddings",
          torch::nn::Embedding(config.max_position_embeddings, config.embedding_width()))),
      first_position_(config.first_position),
      type_vocab_size_(config.type_vocab_size),
      layer_norm_(register_module("LayerNorm", make_layer_norm(config.embedding_width(), config))),
      dropout_(config.hidden_dropout_prob) {
  if (type_vocab_size_ == 0) return;
  token_type_embeddings_ =
      register_module("token_type_embeddings",
                      torch::nn::Embedding(config.type_vocab_size, config.embedding_width()));
}

torch::Tensor BertEmbeddingsImpl::forward(const EncoderInput& input) {
  const auto positions = torch::arange(first_position_, first_position_ + input.input_ids.size(1),
                                       input.input_ids.options());
  auto sum = word_embeddings_(input.input_ids) + position_embeddings_(positions);
  if (type_vocab_size_ > 0) {
    sum = sum + token_type_embeddings_(type_vocab_size_ > 1
                                           ? input.token_type_ids
                                           : torch::zeros_like(input.token_type_ids));
  }
  return models::dropout(layer_norm_(sum), dropout_, is_training());
}

BertSelfAttentionImpl::BertSelfAttentionImpl(const ModelConfig& config)
    : num_heads_(config.num_attention_heads),
      dropout_(config.attention_probs_dropout_prob),
      query_(register_module("query", torch::nn::Linear(config.hidden_size, config.hidden_size))),
      key_(register_module("key", torch::nn::Linear(config.hidden_size, config.hidden_size))),
      value_(register_module("value", torch::nn::Linear(config.hidden_size, config.hidden_size))) {}

/// Without gradients the copies are kept until a parameter changes: for a single text they cost as
/// much as the product.
BertSelfAttentionImpl::Projections BertSelfAttentionImpl::projections() {
  const std::vector<torch::Tensor> weights = {query_->weight, key_->weight, value_->weight};
  const std::vector<torch::Tensor> biases = {query_->bias, key_->bias, value_->bias};
  if (torch::GradMode::is_enabled()) return {torch::cat(weights), torch::cat(biases), {}};
  std::vector<std::pair<const void*, std::uint32_t>> made_of;
  for (const auto* parts : {&weights, &biases}) {
    for (const auto& part : *parts) {
      made_of.emplace_back(part.data_ptr(), static_cast<std::uint32_t>(part._version()));
    }
  }
  const std::lock_guard lock(kept_mutex_);  // slices of a batch ask at once
  if (kept_.made_of != made_of) {
    // Leaves that want a gradient are what autocast converts once and not at every call.
    kept_ = {torch::cat(weights).requires_grad_(), torch::cat(biases).requires_grad_(), made_of};
  }
  return kept_;
}

torch::Tensor BertSelfAttentionImpl::forward(const torch::Tensor& hidden, const torch::Tensor& bias,
                                             EncoderTrace* trace) {
  const auto batch = hidden.size(0);
  const auto tokens = hidden.size(1);
  const auto width = hidden.size(2) / num_heads_;  // d
  const auto by_head = [&](const torch::Tensor& x) {
    return x.view({batch, tokens, num_heads_, width}).transpose(1, 2);  // (B, heads, T, d)
  };
  // One product for all three: hidden is read, and under autocast converted, once.
  const auto projections = this->projections();
  const auto all = torch::linear(hidden, projections.weight, projections.bias);  // (B, T, 3 H)
  const auto parts = all.chunk(3, 2);
  const auto query = by_head(parts[0]);
  const auto key = by_head(parts[1]);
  const auto value = by_head(parts[2]);
  const auto joined = [&](const torch::Tensor& context) {  // from (B, heads, T, d)
    return context.transpose(1, 2).reshape({batch, tokens, num_heads_ * width});
  };
  if (trace == nullptr && models::has_fused_attention(query)) {
    return joined(models::fused_attention(query, key, value, bias, dropout_, is_training()));
  }
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  const auto scores = torch::matmul(query, key.transpose(-1, -2));
  if (trace != nullptr) {
    trace->attention_scores.push_back(scores * scale);
    trace->values = value;
  }
  const auto weights =
      models::attention_weights(scores, bias, scale, dropout_, is_training());  // (B, heads, T, T)
  return joined(torch::matmul(weights, value));
}

BertOutputImpl::BertOutputImpl(std::int64_t input_size, const ModelConfig& config,
                               bool with_dropout)
    : dense_(register_module("dense", torch::nn::Linear(input_size, config.hidden_size))),
      layer_norm_(register_module("LayerNorm", make_layer_norm(config.hidden_size, config))),
      dropout_(with_dropout ? config.hidden_dropout_prob : 0) {}

torch::Tensor BertOutputImpl::forward(const torch::Tensor& x, const torch::Tensor& residual) {
  return layer_norm_(models::dropout(dense_(x), dropout_, is_training()) + residual);
}

BertAttentionImpl::BertAttentionImpl(const ModelConfig& config, const BertVariant& variant)
    : self_(register_module("self", BertSelfAttention(config))),
      output_(register_module(
          "output", BertOutput(config.hidden_size, config, variant.attention_output_dropout))) {}

torch::Tensor BertAttentionImpl::forward(const torch::Tensor& hidden, const torch::Tensor& bias,
                                         EncoderTrace* trace) {
  return output_(self_(hidden, bias, trace), hidden);
}

BertIntermediateImpl::BertIntermediateImpl(const ModelConfig& config)
    : dense_(register_module("dense",
                             torch::nn::Linear(config.hidden_size, config.intermediate_size))),
      activation_(config.hidden_act) {}

torch::Tensor BertIntermediateImpl::forward(const torch::Tensor& hidden) {
  return activate(dense_(hidden), activation_);
}

BertLayerImpl::BertLayerImpl(const ModelConfig& config, const BertVariant& variant)
    : attention_(register_module("attention", BertAttention(config, variant))),
      intermediate_(register_module("intermediate", BertIntermediate(config))),
      output_(register_module(
          "output", BertOutput(config.intermediate_size, config, variant.ffn_output_dropout))) {}

torch::Tensor BertLayerImpl::forward(const torch::Tensor& hidden, const torch::Tensor& bias,
                                     EncoderTrace* trace) {
  const auto attended = attention_(hidden, bias, trace);
  return output_(intermediate_(attended), attended);
}

BertEncoderImpl::BertEncoderImpl(const ModelConfig& config, const BertVariant& variant)
    : layer_(register_module("layer", torch::nn::ModuleList())),
      rounds_(variant.shared_layers ? config.num_hidden_layers : 1) {
  const std::int64_t own_layers = config.num_hidden_layers / rounds_;
  for (std::int64_t i = 0; i < own_layers; ++i) layer_->push_back(BertLayer(config, variant));
}

torch::Tensor BertEncoderImpl::forward(torch::Tensor hidden, const torch::Tensor& bias,
                                       std::int64_t first, EncoderTrace* trace) {
  const auto own_layers = static_cast<std::int64_t>(layer_->size());
  if (trace != nullptr) trace->hidden_states.push_back(hidden);
  for (std::int64_t i = first; i < own_layers * rounds_; ++i) {
    EncoderTrace* noted = trace != nullptr && i >= trace->attention_from ? trace : nullptr;
    hidden = layer_->ptr(i % own_layers)->as<BertLayer>()->forward(hidden, bias, noted);
    if (trace != nullptr) trace->hidden_states.push_back(hidden);
  }
  return hidden;
}

BertPoolerImpl::BertPoolerImpl(const ModelConfig& config, const BertVariant& variant)
    : dense_(register_module("dense", torch::nn::Linear(config.hidden_size, config.hidden_size))),
      activation_(variant.head_activation),
      dropout_(variant.dropout_before_head ? config.classifier_dropout : 0) {}

torch::Tensor BertPoolerImpl::forward(const torch::Tensor& hidden) {
  const auto first = models::dropout(hidden.select(1, 0), dropout_, is_training());  // (B, H)
  return activate(dense_(first), activation_);
}

BertModelImpl::BertModelImpl(const ModelConfig& config, const BertVariant& variant)
    : embeddings_(register_module("embeddings", BertEmbeddings(config))),
      encoder_(register_module("encoder", BertEncoder(config, variant))),
      pooler_(register_module("pooler", BertPooler(config, variant))) {
  if (config.embedding_width() == config.hidden_size && !variant.projection_of_equal_size) {
    return;
  }
  embeddings_project_ = register_module(
      "embeddings_project", torch::nn::Linear(config.embedding_width(), config.hidden_size));
}

EncoderOutput BertModelImpl::forward(const EncoderInput& input, EncoderTrace* trace) {
  REAUGKD_CHECK(input.input_ids.dim() == 2 &&
                    input.input_ids.sizes() == input.token_type_ids.sizes() &&
                    input.input_ids.sizes() == input.attention_mask.sizes(),
                "BERT's inputs are (B, T) each");
  auto embedded = embeddings_(input);
  // In fp32 under autocast too, as what the layers add to always is.
  if (embeddings_project_) embedded = embeddings_project_(embedded).to(torch::kFloat32);
  return continue_from(0, embedded, input.attention_mask, trace);
}

EncoderOutput BertModelImpl::continue_from(std::int64_t first, const torch::Tensor& hidden,
                                           const torch::Tensor& attention_mask,
                                           EncoderTrace* trace) {
  // 0 where there is a token, so low that softmax gives 0 where there is padding.
  const auto bias = (1 - attention_mask.to(torch::kFloat32))
                        .mul_(-1e9F)
                        .unsqueeze(1)
                        .unsqueeze(1);                              // (B, 1, 1, T)
  const auto last = encoder_->forward(hidden, bias, first, trace);  // (B, T, H)
  return {last, pooler_(last)};
}

std::shared_ptr<Encoder> make_bert(const ModelConfig& config, const BertVariant& variant) {
  return std::make_shared<BertModelImpl>(config, variant);
}

}  // namespace reaugkd::models
