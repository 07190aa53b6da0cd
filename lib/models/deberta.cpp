#include "models/deberta.h"

#include "models/activation.h"
#include "models/attention_weights.h"
#include "models/deberta_family.h"
#include "models/dropout.h"
#include "models/relative_buckets.h"
#include "models/word_embedding.h"

namespace reaugkd::models {

DebertaEmbeddingsImpl::DebertaEmbeddingsImpl(const ModelConfig& config,
                                             const DebertaSettings& settings)
    : word_embeddings_(register_module(
          "word_embeddings", torch::nn::Embedding(config.vocab_size, config.embedding_width()))),
      layer_norm_(register_module("LayerNorm", make_layer_norm(config.hidden_size, config))),
      type_vocab_size_(config.type_vocab_size),
      dropout_(config.hidden_dropout_prob) {
  const auto table = [&](const char* name, std::int64_t rows) {
    return register_module(name, torch::nn::Embedding(rows, config.embedding_width()));
  };
  if (settings.position_biased_input) {
    position_embeddings_ = table("position_embeddings", config.max_position_embeddings);
  }
  if (type_vocab_size_ > 0)
    token_type_embeddings_ = table("token_type_embeddings", type_vocab_size_);
  if (config.embedding_width() == config.hidden_size) return;
  embed_proj_ = register_module(
      "embed_proj",
      torch::nn::Linear(
          torch::nn::LinearOptions(config.embedding_width(), config.hidden_size).bias(false)));
}

torch::Tensor DebertaEmbeddingsImpl::forward(const EncoderInput& input) {
  auto sum = embed_words(word_embeddings_, input.input_ids);
  if (!position_embeddings_.is_empty()) {
    sum = sum +
          position_embeddings_(torch::arange(input.input_ids.size(1), input.input_ids.options()));
  }
  if (!token_type_embeddings_.is_empty()) {
    sum = sum + token_type_embeddings_(type_vocab_size_ > 1
                                           ? input.token_type_ids
                                           : torch::zeros_like(input.token_type_ids));
  }
  // In fp32 under autocast too, as what the layers add to always is.
  if (!embed_proj_.is_empty()) sum = embed_proj_(sum).to(torch::kFloat32);
  const auto mask = input.attention_mask.to(torch::kFloat32).unsqueeze(-1);
  return models::dropout_of_tokens(layer_norm_(sum) * mask, dropout_, is_training());
}

DebertaAttentionImpl::DebertaAttentionImpl(const ModelConfig& config,
                                           const DebertaSettings& settings)
    : self_(register_module("self", DebertaSelfAttention(config, settings))),
      output_(register_module("output", BertOutput(config.hidden_size, config, true))) {}

torch::Tensor DebertaAttentionImpl::forward(const torch::Tensor& hidden, const DebertaPass& pass,
                                            EncoderTrace* trace) {
  return output_(self_(hidden, pass, trace), hidden);
}

DebertaLayerImpl::DebertaLayerImpl(const ModelConfig& config, const DebertaSettings& settings)
    : attention_(register_module("attention", DebertaAttention(config, settings))),
      intermediate_(register_module("intermediate", BertIntermediate(config))),
      output_(register_module("output", BertOutput(config.intermediate_size, config, true))) {}

torch::Tensor DebertaLayerImpl::forward(const torch::Tensor& hidden, const DebertaPass& pass,
                                        EncoderTrace* trace) {
  const auto attended = attention_(hidden, pass, trace);
  return output_(intermediate_(attended), attended);
}

DebertaConvolutionImpl::DebertaConvolutionImpl(const ModelConfig& config,
                                               const DebertaSettings& settings)
    : conv_(register_module(
          "conv", torch::nn::Conv1d(torch::nn::Conv1dOptions(config.hidden_size, config.hidden_size,
                                                             settings.conv_kernel_size)
                                        .groups(settings.conv_groups)))),
      layer_norm_(register_module("LayerNorm", make_layer_norm(config.hidden_size, config))),
      activation_(settings.conv_act),
      dropout_(config.hidden_dropout_prob) {}

/// As products: oneDNN 2's way back of a convolution does not return when slices of a batch ask for
/// it at once.
torch::Tensor DebertaConvolutionImpl::convolve(const torch::Tensor& x) {
  const auto width = conv_->weight.size(2);
  const auto groups = conv_->options.groups();
  const auto windows = torch::constant_pad_nd(x, {0, 0, width / 2, width / 2})
                           .unfold(1, width, 1)                           // (B, T, H, width)
                           .reshape({x.size(0) * x.size(1), groups, -1})  // a group's inputs
                           .transpose(0, 1);
  const auto weights = conv_->weight.view({groups, x.size(2) / groups, -1}).transpose(1, 2);
  return torch::bmm(windows, weights).transpose(0, 1).reshape(x.sizes()) + conv_->bias;
}

torch::Tensor DebertaConvolutionImpl::forward(const torch::Tensor& embedded,
                                              const torch::Tensor& states,
                                              const torch::Tensor& mask) {
  const auto convolved = convolve(embedded) * mask;
  const auto active = activate(models::dropout(convolved, dropout_, is_training()), activation_);
  return layer_norm_(states + active) * mask;
}

DebertaEncoderImpl::DebertaEncoderImpl(const ModelConfig& config, const DebertaSettings& settings)
    : settings_(settings), layer_(register_module("layer", torch::nn::ModuleList())) {
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layer_->push_back(DebertaLayer(config, settings));
  }
  if (settings.relative_attention) {
    rel_embeddings_ = register_module(
        "rel_embeddings", torch::nn::Embedding(2 * settings.positions.span, config.hidden_size));
  }
  if (settings.normed_positions) {
    layer_norm_ = register_module("LayerNorm", make_layer_norm(config.hidden_size, config));
  }
  if (settings.conv_kernel_size > 0) {
    conv_ = register_module("conv", DebertaConvolution(config, settings));
  }
}

DebertaPass DebertaEncoderImpl::pass_for(const torch::Tensor& attention_mask) {
  DebertaPass pass;
  pass.padding = padding_bias(attention_mask);
  if (rel_embeddings_.is_empty()) return pass;
  auto places = deberta_places(settings_.positions, attention_mask.size(1));
  const auto rows = torch::tensor(places.rows, torch::kInt64).to(attention_mask.device());
  pass.positions = rel_embeddings_->weight.index_select(0, rows);  // (P, H)
  if (!layer_norm_.is_empty()) pass.positions = layer_norm_(pass.positions);
  pass.places = std::move(places.places);
  pass.made_of = state_of(rel_embeddings_->parameters());
  if (!layer_norm_.is_empty()) {
    const auto of_norm = state_of(layer_norm_->parameters());
    pass.made_of.insert(pass.made_of.end(), of_norm.begin(), of_norm.end());
  }
  return pass;
}

torch::Tensor DebertaEncoderImpl::forward(torch::Tensor hidden, const torch::Tensor& attention_mask,
                                          std::int64_t first, EncoderTrace* trace) {
  const auto pass = pass_for(attention_mask);
  const auto embedded = hidden;
  if (trace != nullptr) trace->hidden_states.push_back(hidden);
  for (std::int64_t i = first; i < static_cast<std::int64_t>(layer_->size()); ++i) {
    EncoderTrace* noted = trace != nullptr && i >= trace->attention_from ? trace : nullptr;
    hidden = layer_->ptr(i)->as<DebertaLayer>()->forward(hidden, pass, noted);
    if (i == 0 && !conv_.is_empty()) {
      hidden = conv_(embedded, hidden, attention_mask.to(torch::kFloat32).unsqueeze(-1));
    }
    if (trace != nullptr) trace->hidden_states.push_back(hidden);
  }
  return hidden;
}

DebertaModelImpl::DebertaModelImpl(const ModelConfig& config, const DebertaSettings& settings)
    : embeddings_(register_module("embeddings", DebertaEmbeddings(config, settings))),
      encoder_(register_module("encoder", DebertaEncoder(config, settings))),
      pooler_(register_module("pooler", BertPooler(config.hidden_size, settings.pooler_hidden_act,
                                                   settings.pooler_dropout))) {}

EncoderOutput DebertaModelImpl::forward(const EncoderInput& input, EncoderTrace* trace) {
  return continue_from(0, embeddings_(input), input.attention_mask, trace);
}

EncoderOutput DebertaModelImpl::continue_from(std::int64_t first, const torch::Tensor& hidden,
                                              const torch::Tensor& attention_mask,
                                              EncoderTrace* trace) {
  const auto last = encoder_->forward(hidden, attention_mask, first, trace);  // (B, T, H)
  return {last, pooler_(last)};
}

std::shared_ptr<Encoder> make_deberta(const ModelConfig& config, const DebertaSettings& settings) {
  return std::make_shared<DebertaModelImpl>(config, settings);
}

}  // namespace reaugkd::models
