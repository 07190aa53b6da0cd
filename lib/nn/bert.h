// BERT (Devlin et al., NAACL 2019) and its kin (nn/family.h) as an encoder and as a sequence
// classifier. named_parameters() gives exactly the keys of BERT's published checkpoints; what other
// families call them stands in family.cpp. Teacher and student are both one of these.
#pragma once

#include <torch/torch.h>

#include "nn/bert_config.h"

namespace reaugkd::nn {

/// A padded batch of B texts of at most T tokens.
struct BertInput {
  torch::Tensor input_ids;       // (B, T) int64
  torch::Tensor token_type_ids;  // (B, T) int64, 0 first text, 1 second
  torch::Tensor attention_mask;  // (B, T) int64, 1 token, 0 padding

  BertInput to(const torch::Device& device) const;
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
  /// softmax(Q K^T / sqrt(d) + bias) V; hidden (B, T, H), bias (B, 1, 1, T).
  torch::Tensor forward(const torch::Tensor& hidden, const torch::Tensor& bias);

 private:
  std::int64_t num_heads_;
  double dropout_;
  torch::nn::Linear query_, key_, value_;
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
  torch::Tensor forward(const torch::Tensor& hidden, const torch::Tensor& bias);

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
  torch::Tensor forward(const torch::Tensor& hidden, const torch::Tensor& bias);

 private:
  BertAttention attention_;
  BertIntermediate intermediate_;
  BertOutput output_;
};
TORCH_MODULE(BertLayer);

class BertEncoderImpl : public torch::nn::Module {
 public:
  explicit BertEncoderImpl(const BertConfig& config);
  torch::Tensor forward(torch::Tensor hidden, const torch::Tensor& bias);  // (B, T, H)

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
  BertStates forward(const BertInput& input);

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
  BertStates encode(const BertInput& input) { return bert_(input); }
  ClassifierOutput forward(const BertInput& input, Embedding embedding);

 private:
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

}  // namespace reaugkd::nn
