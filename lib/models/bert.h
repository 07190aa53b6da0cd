// BERT (Devlin et al., NAACL 2019) and its kin (nn/family.h) as an encoder and as a sequence
// classifier. named_parameters() gives exactly the keys of BERT's published checkpoints; what other
// families call them stands in family.cpp. Teacher and student are both one of these.
#pragma once

#include <torch/torch.h>

#include <limits>
#include <mutex>
#include <vector>

#include "models/model_config.h"

namespace reaugkd::models {

/// A padded batch of B texts of at most T tokens.
struct BertInput {
  torch::Tensor input_ids;       // (B, T) int64
  torch::Tensor token_type_ids;  // (B, T) int64, 0 first text, 1 second
  torch::Tensor attention_mask;  // (B, T) int64, 1 token, 0 padding

  BertInput to(const torch::Device& device) const;
};

/// What a forward pass went through, for the losses that look inside (PKD, TinyBERT, MiniLM, SFTN).
struct BertTrace {
  static constexpr std::int64_t kNoLayer = std::numeric_limits<std::int64_t>::max();

  explicit BertTrace(std::int64_t attention_of_layers_from = kNoLayer)
      : attention_from(attention_of_layers_from) {}

  std::int64_t attention_from;               // asked for: the first layer whose attention is noted
  std::vector<torch::Tensor> hidden_states;  // the embeddings, then each layer's: (B, T, H)
  std::vector<torch::Tensor> attention_scores;  // from there on, Q K^T / sqrt(d): (B, heads, T, T)
  torch::Tensor values;                         // the last layer's V: (B, heads, T, d)
};

class BertEmbeddingsImpl : public torch::nn::Module {
 public:
  explicit BertEmbeddingsImpl(const BertConfig& config);
  torch::Tensor forward(const BertInput& input);  // (B, T, embedding_width())

 private:
  torch::nn::Embedding word_embeddings_, position_embeddings_;
  torch::nn::Embedding token_type_embeddings_{nullptr};  // none where type_vocab_size is 0
  std::int64_t first_position_, type_vocab_size_;
  torch::nn::LayerNorm layer_norm_;
  double dropout_;
};
TORCH_MODULE(BertEmbeddings);

class BertSelfAttentionImpl : public torch::nn::Module {
 public:
  explicit BertSelfAttentionImpl(const BertConfig& config);
  /// softmax(Q K^T / sqrt(d) + bias) V; hidden (B, T, H), bias (B, 1, 1, T). Notes scores and
  /// values in `trace` unless it is null.
  torch::Tensor forward(const torch::Tensor& hidden, const torch::Tensor& bias, BertTrace* trace);

 private:
  /// The three projections as one: weight (3 H, H), bias (3 H).
  struct Projections {
    torch::Tensor weight, bias;
    std::vector<std::pair<const void*, std::uint32_t>> made_of;  // place and version of each part
  };
  Projections projections();

  std::int64_t num_heads_;
  double dropout_;
  torch::nn::Linear query_, key_, value_;
  Projections kept_;
  std::mutex kept_mutex_;
};
TORCH_MODULE(BertSelfAttention);

/// LayerNorm(dropout(dense(x)) + residual): the end of both halves of a layer.
class BertOutputImpl : public torch::nn::Module {
 public:
  BertOutputImpl(std::int64_t input_size, const BertConfig& config, bool with_dropout);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& residual);

 private:
  torch::nn::Linear dense_;
  torch::nn::LayerNorm layer_norm_;
  double dropout_;
};
TORCH_MODULE(BertOutput);

class BertAttentionImpl : public torch::nn::Module {
 public:
  explicit BertAttentionImpl(const BertConfig& config);
  torch::Tensor forward(const torch::Tensor& hidden, const torch::Tensor& bias, BertTrace* trace);

 private:
  BertSelfAttention self_;
  BertOutput output_;
};
TORCH_MODULE(BertAttention);

class BertIntermediateImpl : public torch::nn::Module {
 public:
  explicit BertIntermediateImpl(const BertConfig& config);
  torch::Tensor forward(const torch::Tensor& hidden);  // (B, T, H) -> (B, T, intermediate_size)

 private:
  torch::nn::Linear dense_;
  Activation activation_;
};
TORCH_MODULE(BertIntermediate);

class BertLayerImpl : public torch::nn::Module {
 public:
  explicit BertLayerImpl(const BertConfig& config);
  torch::Tensor forward(const torch::Tensor& hidden, const torch::Tensor& bias, BertTrace* trace);

 private:
  BertAttention attention_;
  BertIntermediate intermediate_;
  BertOutput output_;
};
TORCH_MODULE(BertLayer);

class BertEncoderImpl : public torch::nn::Module {
 public:
  explicit BertEncoderImpl(const BertConfig& config);
  /// The layers from `first` on; hidden (B, T, H) -> (B, T, H). Notes the states in `trace` unless
  /// it is null, and has the layers that it asks for note their attention.
  torch::Tensor forward(torch::Tensor hidden, const torch::Tensor& bias, std::int64_t first,
                        BertTrace* trace);

 private:
  torch::nn::ModuleList layer_;  // one where the layers are shared
  std::int64_t rounds_;          // how often the list is gone through
};
TORCH_MODULE(BertEncoder);

/// The state between [CLS] and the classifier: the pooler, or the head's own dense layer.
class BertPoolerImpl : public torch::nn::Module {
 public:
  explicit BertPoolerImpl(const BertConfig& config);
  torch::Tensor forward(const torch::Tensor& hidden);  // activation(dense(at [CLS])), (B, H)

 private:
  torch::nn::Linear dense_;
  Activation activation_;
  double dropout_;  // before the dense layer
};
TORCH_MODULE(BertPooler);

struct BertStates {
  torch::Tensor last_hidden_state;  // (B, T, H)
  torch::Tensor pooler_output;      // (B, H)
};

class BertModelImpl : public torch::nn::Module {
 public:
  explicit BertModelImpl(const BertConfig& config);
  BertStates forward(const BertInput& input, BertTrace* trace = nullptr);
  /// Goes on from what layer `first` takes, (B, T, H), of texts with this mask (B, T).
  BertStates continue_from(std::int64_t first, const torch::Tensor& hidden,
                           const torch::Tensor& attention_mask, BertTrace* trace = nullptr);

 private:
  BertEmbeddings embeddings_;
  torch::nn::Linear embeddings_project_{nullptr};  // where the embeddings are not (.., H)
  BertEncoder encoder_;
  BertPooler pooler_;
};
TORCH_MODULE(BertModel);

struct ClassifierOutput {
  torch::Tensor logits;     // (B, C) fp32; regression: the score (B, 1)
  torch::Tensor embedding;  // (B, H) fp32: t_i or s~_i, not normalised
};

class BertForSequenceClassificationImpl : public torch::nn::Module {
 public:
  explicit BertForSequenceClassificationImpl(const BertConfig& config);
  BertStates encode(const BertInput& input) { return bert_->forward(input); }
  ClassifierOutput forward(const BertInput& input, Embedding embedding, BertTrace* trace = nullptr);
  /// Logits (B, C) from what encoder layer `first` takes: the upper part of the model alone.
  torch::Tensor continue_from(std::int64_t first, const torch::Tensor& hidden,
                              const torch::Tensor& attention_mask);

 private:
  torch::Tensor classify(const BertStates& states);  // (B, C) fp32

  BertModel bert_;
  torch::nn::Linear classifier_;
  double dropout_;
};
TORCH_MODULE(BertForSequenceClassification);

/// Rows of x (n, H) scaled to length 1: norm() of equations 1 to 6.
torch::Tensor unit_rows(const torch::Tensor& x);

/// The text's embedding from the encoder's states: [CLS], the mean over its tokens, or the pooler.
torch::Tensor text_embedding(const BertStates& states, const torch::Tensor& attention_mask,
                             Embedding embedding);

}  // namespace reaugkd::models
