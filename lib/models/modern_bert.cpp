#include "models/modern_bert.h"

#include "models/activation.h"
#include "models/attention.h"
#include "models/dropout.h"
#include "models/gelu.h"
#include "models/modern_bert_family.h"
#include "models/word_embedding.h"

namespace reaugkd::models {
namespace {

Dense make_dense(std::int64_t from, std::int64_t to, bool bias) {
  return Dense(torch::nn::LinearOptions(from, to).bias(bias));
}

}  // namespace

ModernBertNormImpl::ModernBertNormImpl(const ModelConfig& config, bool bias)
    : weight_(register_parameter("weight", torch::ones({config.hidden_size}))),
      eps_(config.layer_norm_eps) {
  if (bias) bias_ = register_parameter("bias", torch::zeros({config.hidden_size}));
}

torch::Tensor ModernBertNormImpl::forward(const torch::Tensor& x) {
  return torch::layer_norm(x, weight_.sizes(), weight_, bias_, eps_);
}

ModernBertEmbeddingsImpl::ModernBertEmbeddingsImpl(const ModelConfig& config,
                                                   const ModernBertSettings& settings)
    : tok_embeddings_(register_module("tok_embeddings",
                                      torch::nn::Embedding(config.vocab_size, config.hidden_size))),
      norm_(register_module("norm", ModernBertNorm(config, settings.norm_bias))),
      dropout_(settings.embedding_dropout) {}

torch::Tensor ModernBertEmbeddingsImpl::forward(const torch::Tensor& input_ids) {
  return models::dropout(norm_(embed_words(tok_embeddings_, input_ids)), dropout_, is_training());
}

ModernBertAttentionImpl::ModernBertAttentionImpl(const ModelConfig& config,
                                                 const ModernBertSettings& settings)
    : heads_(config.num_attention_heads),
      qkv_(register_module(
          "Wqkv", make_dense(config.hidden_size, 3 * config.hidden_size, settings.attention_bias))),
      out_(register_module(
          "Wo", make_dense(config.hidden_size, config.hidden_size, settings.attention_bias))),
      dropout_(config.attention_probs_dropout_prob) {}

torch::Tensor ModernBertAttentionImpl::forward(const torch::Tensor& hidden,
                                               const ModernBertPass& pass, EncoderTrace* trace) {
  const auto parts = qkv_(hidden).chunk(3, 2);  // (B, T, H) each
  const auto context = models::attention(
      rotary(parts[0], heads_, pass.angles), rotary(parts[1], heads_, pass.angles),
      by_head(parts[2], heads_), pass.bias, dropout_, is_training(), trace);
  return models::dropout(out_(context), dropout_, is_training());
}

ModernBertMlpImpl::ModernBertMlpImpl(const ModelConfig& config, const ModernBertSettings& settings)
    : in_(register_module(
          "Wi", make_dense(config.hidden_size, 2 * config.intermediate_size, settings.mlp_bias))),
      out_(register_module(
          "Wo", make_dense(config.intermediate_size, config.hidden_size, settings.mlp_bias))),
      activation_(config.hidden_act),
      dropout_(config.hidden_dropout_prob) {}

torch::Tensor ModernBertMlpImpl::forward(const torch::Tensor& hidden) {
  const auto both = in_(hidden);  // (B, T, 2 intermediate_size)
  torch::Tensor gated;
  if (activation_ == Activation::kGelu) {
    gated = models::geglu(both);
  } else {
    const auto parts = both.chunk(2, -1);
    gated = activate(parts[0], activation_) * parts[1];
  }
  return out_(models::dropout(gated, dropout_, is_training()));
}

ModernBertLayerImpl::ModernBertLayerImpl(const ModelConfig& config,
                                         const ModernBertSettings& settings, bool first)
    : attn_(register_module("attn", ModernBertAttention(config, settings))),
      mlp_norm_(register_module("mlp_norm", ModernBertNorm(config, settings.norm_bias))),
      mlp_(register_module("mlp", ModernBertMlp(config, settings))) {
  if (!first) {
    attn_norm_ = register_module("attn_norm", ModernBertNorm(config, settings.norm_bias));
  }
}

torch::Tensor ModernBertLayerImpl::forward(const torch::Tensor& hidden, const ModernBertPass& pass,
                                           EncoderTrace* trace) {
  const auto normed = attn_norm_.is_empty() ? hidden : attn_norm_(hidden);
  const auto attended = hidden + attn_(normed, pass, trace);
  return attended + mlp_(mlp_norm_(attended));
}

ModernBertHeadImpl::ModernBertHeadImpl(const ModelConfig& config,
                                       const ModernBertSettings& settings)
    : dense_(register_module("dense", torch::nn::Linear(torch::nn::LinearOptions(config.hidden_size,
                                                                                 config.hidden_size)
                                                            .bias(settings.classifier_bias)))),
      activation_(settings.classifier_activation),
      norm_(register_module("norm", ModernBertNorm(config, settings.norm_bias))) {}

torch::Tensor ModernBertHeadImpl::forward(const torch::Tensor& x) {
  return norm_(activate(dense_(x), activation_).to(torch::kFloat32));
}

ModernBertModelImpl::ModernBertModelImpl(const ModelConfig& config,
                                         const ModernBertSettings& settings)
    : settings_(settings),
      embeddings_(register_module("embeddings", ModernBertEmbeddings(config, settings))),
      layers_(register_module("layers", torch::nn::ModuleList())),
      final_norm_(register_module("final_norm", ModernBertNorm(config, settings.norm_bias))),
      head_(register_module("head", ModernBertHead(config, settings))),
      global_(settings.global_theta, config.hidden_size / config.num_attention_heads),
      local_(settings.local_theta, config.hidden_size / config.num_attention_heads) {
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers_->push_back(ModernBertLayer(config, settings, i == 0));
  }
}

EncoderOutput ModernBertModelImpl::forward(const EncoderInput& input, EncoderTrace* trace) {
  return continue_from(0, embeddings_(input.input_ids), input.attention_mask, trace);
}

EncoderOutput ModernBertModelImpl::continue_from(std::int64_t first, const torch::Tensor& from,
                                                 const torch::Tensor& attention_mask,
                                                 EncoderTrace* trace) {
  const auto tokens = from.size(1);
  const auto padding = padding_bias(attention_mask);
  const ModernBertPass everywhere{{padding}, global_.angles(tokens, from.device())};
  const ModernBertPass nearby{{padding, {}, settings_.window},
                              local_.angles(tokens, from.device())};
  auto hidden = from;
  if (trace != nullptr) trace->hidden_states.push_back(hidden);
  for (std::int64_t i = first; i < static_cast<std::int64_t>(layers_->size()); ++i) {
    EncoderTrace* noted = trace != nullptr && i >= trace->attention_from ? trace : nullptr;
    const auto& pass = settings_.is_local[static_cast<std::size_t>(i)] ? nearby : everywhere;
    hidden = layers_->ptr(i)->as<ModernBertLayer>()->forward(hidden, pass, noted);
    if (trace != nullptr) trace->hidden_states.push_back(hidden);
  }
  const auto last = final_norm_(hidden);  // (B, T, H)
  if (trace != nullptr) trace->hidden_states.back() = last;
  if (!settings_.mean_pooling) return {last, head_(last.select(1, 0))};
  const auto mask = attention_mask.to(torch::kFloat32).unsqueeze(-1);  // (B, T, 1)
  return {last, head_((last * mask).sum(1) / mask.sum(1))};
}

std::shared_ptr<Encoder> make_modern_bert(const ModelConfig& config,
                                          const ModernBertSettings& settings) {
  return std::make_shared<ModernBertModelImpl>(config, settings);
}

}  // namespace reaugkd::models
