#include "models/bert.h"

#include "base/error.h"
#include "models/activation.h"
#include "models/attention.h"
#include "models/bert_family.h"
#include "models/dropout.h"
#include "models/kernel_values.h"
#include "models/packing.h"
#include "models/relative_buckets.h"
#include "models/residual_norm.h"
#include "models/word_embedding.h"
#include "tensor/device.h"

namespace reaugkd::models {
namespace {

/// bf16's products are oneDNN's, which makes a kernel for each shape.
Packing packing_of(const torch::Tensor& attention_mask) {
  return Packing(attention_mask, /*few_shapes=*/tensor::autocast_enabled(torch::kCPU));
}

}  // namespace

torch::nn::LayerNorm make_layer_norm(std::int64_t size, const ModelConfig& config) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({size}).eps(config.layer_norm_eps));
}

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

torch::Tensor BertEmbeddingsImpl::forward(const torch::Tensor& ids, const torch::Tensor& types,
                                          const torch::Tensor& positions) {
  auto sum = embed_words(word_embeddings_, ids) + position_embeddings_(positions + first_position_);
  if (type_vocab_size_ > 0) {
    sum = sum + token_type_embeddings_(type_vocab_size_ > 1 ? types : torch::zeros_like(types));
  }
  return models::dropout_of_tokens(layer_norm_(sum), dropout_, is_training());
}

BertSelfAttentionImpl::BertSelfAttentionImpl(const ModelConfig& config)
    : num_heads_(config.num_attention_heads),
      dropout_(config.attention_probs_dropout_prob),
      query_(register_module("query", Dense(config.hidden_size, config.hidden_size))),
      key_(register_module("key", Dense(config.hidden_size, config.hidden_size))),
      value_(register_module("value", Dense(config.hidden_size, config.hidden_size))) {}

torch::Tensor BertSelfAttentionImpl::forward(const torch::Tensor& hidden, const AttentionBias& bias,
                                             EncoderTrace* trace) {
  const auto projections = projections_({query_, key_, value_}, hidden);
  if (bias.packing != nullptr) {
    return packed_attention(projections, *bias.packing, num_heads_, bias.relative, dropout_,
                            is_training());
  }
  const auto parts = projections.chunk(3, 2);  // (B, T, H) each
  return models::attention(by_head(parts[0], num_heads_), by_head(parts[1], num_heads_),
                           by_head(parts[2], num_heads_), bias, dropout_, is_training(), trace);
}

BertOutputImpl::BertOutputImpl(std::int64_t input_size, const ModelConfig& config,
                               bool with_dropout)
    : dense_(register_module("dense", Dense(input_size, config.hidden_size))),
      layer_norm_(register_module("LayerNorm", make_layer_norm(config.hidden_size, config))),
      dropout_(with_dropout ? config.hidden_dropout_prob : 0) {}

torch::Tensor BertOutputImpl::forward(const torch::Tensor& x, const torch::Tensor& residual) {
  return residual_norm(dense_, layer_norm_, x, residual, dropout_, is_training());
}

BertAttentionImpl::BertAttentionImpl(const ModelConfig& config, const BertVariant& variant)
    : self_(register_module("self", BertSelfAttention(config))),
      output_(register_module(
          "output", BertOutput(config.hidden_size, config, variant.attention_output_dropout))) {}

torch::Tensor BertAttentionImpl::forward(const torch::Tensor& hidden, const AttentionBias& bias,
                                         EncoderTrace* trace) {
  return output_(self_(hidden, bias, trace), hidden);
}

BertIntermediateImpl::BertIntermediateImpl(const ModelConfig& config)
    : dense_(register_module("dense", Dense(config.hidden_size, config.intermediate_size))),
      activation_(config.hidden_act) {}

torch::Tensor BertIntermediateImpl::forward(const torch::Tensor& hidden) {
  return activated(dense_, hidden, activation_);
}

BertLayerImpl::BertLayerImpl(const ModelConfig& config, const BertVariant& variant)
    : attention_(register_module("attention", BertAttention(config, variant))),
      intermediate_(register_module("intermediate", BertIntermediate(config))),
      output_(register_module(
          "output", BertOutput(config.intermediate_size, config, variant.ffn_output_dropout))) {}

torch::Tensor BertLayerImpl::forward(const torch::Tensor& hidden, const AttentionBias& bias,
                                     EncoderTrace* trace) {
  const auto attended = attention_(hidden, bias, trace);
  return output_(intermediate_(attended), attended);
}

BertEncoderImpl::BertEncoderImpl(const ModelConfig& config, const BertVariant& variant)
    : layer_(register_module("layer", torch::nn::ModuleList())),
      rounds_(variant.shared_layers ? config.num_hidden_layers : 1) {
  const std::int64_t own_layers = config.num_hidden_layers / rounds_;
  for (std::int64_t i = 0; i < own_layers; ++i) layer_->push_back(BertLayer(config, variant));
  if (config.relative_attention_num_buckets == 0) return;
  relative_attention_bias_ = register_module(
      "relative_attention_bias",
      torch::nn::Embedding(config.relative_attention_num_buckets, config.num_attention_heads));
}

torch::Tensor BertEncoderImpl::relative_bias(std::int64_t tokens) {
  if (relative_attention_bias_.is_empty()) return {};
  const auto buckets =
      mpnet_buckets(tokens).to(relative_attention_bias_->weight.device());  // (T, T)
  return relative_attention_bias_(buckets).permute({2, 0, 1}).unsqueeze(0).contiguous();
}

torch::Tensor BertEncoderImpl::forward(torch::Tensor hidden, const AttentionBias& bias,
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

BertPoolerImpl::BertPoolerImpl(std::int64_t size, Activation activation, double dropout_before)
    : dense_(register_module("dense", torch::nn::Linear(size, size))),
      activation_(activation),
      dropout_(dropout_before) {}

torch::Tensor BertPoolerImpl::forward(const torch::Tensor& hidden) {
  const auto first = models::dropout(hidden.select(1, 0), dropout_, is_training());  // (B, H)
  return activate(dense_(first), activation_);
}

BertModelImpl::BertModelImpl(const ModelConfig& config, const BertVariant& variant)
    : embeddings_(register_module("embeddings", BertEmbeddings(config))),
      encoder_(register_module("encoder", BertEncoder(config, variant))),
      pooler_(register_module(
          "pooler", BertPooler(config.hidden_size, variant.head_activation,
                               variant.dropout_before_head ? config.classifier_dropout : 0))) {
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
  const std::int64_t tokens = input.input_ids.size(1);
  if (!packs(input.attention_mask, trace)) {
    const auto positions = torch::arange(tokens, input.input_ids.options());
    const auto embedded = embed(input.input_ids, input.token_type_ids, positions);
    return continue_from(0, embedded, input.attention_mask, trace);
  }
  const Packing packing = packing_of(input.attention_mask);
  return run_packed(0,
                    embed(packing.pack(input.input_ids), packing.pack(input.token_type_ids),
                          packing.places.remainder(tokens)),
                    packing);
}

torch::Tensor BertModelImpl::embed(const torch::Tensor& ids, const torch::Tensor& types,
                                   const torch::Tensor& positions) {
  const auto embedded = embeddings_(ids, types, positions);
  // In fp32 under autocast too, as what the layers add to always is.
  return embeddings_project_ ? embeddings_project_(embedded).to(torch::kFloat32) : embedded;
}

bool BertModelImpl::packs(const torch::Tensor& attention_mask, const EncoderTrace* trace) const {
  return trace == nullptr && attention_mask.device().is_cpu() &&
         has_kernels(embeddings_->parameters().front());
}

EncoderOutput BertModelImpl::run_packed(std::int64_t first, const torch::Tensor& packed,
                                        const Packing& packing) {
  AttentionBias bias({}, encoder_->relative_bias(packing.longest));
  bias.packing = &packing;
  const auto last = packing.unpack(encoder_->forward(packed, bias, first, nullptr));
  return {last, pooler_(last)};
}

EncoderOutput BertModelImpl::continue_from(std::int64_t first, const torch::Tensor& hidden,
                                           const torch::Tensor& attention_mask,
                                           EncoderTrace* trace) {
  if (packs(attention_mask, trace)) {
    const Packing packing = packing_of(attention_mask);
    return run_packed(first, packing.pack(hidden), packing);
  }
  const AttentionBias bias(padding_bias(attention_mask), encoder_->relative_bias(hidden.size(1)));
  const auto last = encoder_->forward(hidden, bias, first, trace);  // (B, T, H)
  return {last, pooler_(last)};
}

std::shared_ptr<Encoder> make_bert(const ModelConfig& config, const BertVariant& variant) {
  return std::make_shared<BertModelImpl>(config, variant);
}

}  // namespace reaugkd::models
