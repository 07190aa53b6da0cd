// BERT (Devlin et al., NAACL 2019) and its kin (bert_variants.h) as an encoder. The parameters'
// names are those of BERT's published checkpoints; what other variants call them stands in
// bert_variants.cpp.
#pragma once

#include <torch/torch.h>

#include "models/attention_weights.h"
#include "models/bert_variants.h"
#include "models/dense.h"
#include "models/encoder.h"
#include "models/joined_linear.h"
#include "models/model_config.h"

namespace reaugkd::models {

torch::nn::LayerNorm make_layer_norm(std::int64_t size, const ModelConfig& config);

class BertEmbeddingsImpl : public torch::nn::Module {
 public:
  explicit BertEmbeddingsImpl(const ModelConfig& config);
  /// ids, types and positions, each (B, T) or (N) -> (.., embedding_width()).
  torch::Tensor forward(const torch::Tensor& ids, const torch::Tensor& types,
                        const torch::Tensor& positions);

 private:
  torch::nn::Embedding word_embeddings_, position_embeddings_;
  torch::nn::Embedding token_type_embeddings_{nullptr};  // none where type_vocab_size is 0
  std::int64_t first_position_, type_vocab_size_;
  torch::nn::LayerNorm layer_norm_;
  double dropout_;
};
TORCH_MODULE(BertEmbeddings);

class BertSelfAttentionImpl : public torch::nn::Module, public HasRoundedProduct {
 public:
  explicit BertSelfAttentionImpl(const ModelConfig& config);
  /// softmax(Q K^T / sqrt(d) + bias) V; hidden (B, T, H), or packed (N, H). Notes scores and values
  /// in `trace` unless it is null.
  torch::Tensor forward(const torch::Tensor& hidden, const AttentionBias& bias,
                        EncoderTrace* trace);
  bool round_weights() override { return projections_.round(); }

 private:
  std::int64_t num_heads_;
  double dropout_;
  Dense query_, key_, value_;
  JoinedLinear projections_;
};
TORCH_MODULE(BertSelfAttention);

/// LayerNorm(dropout(dense(x)) + residual): the end of both halves of a layer.
class BertOutputImpl : public torch::nn::Module {
 public:
  BertOutputImpl(std::int64_t input_size, const ModelConfig& config, bool with_dropout);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& residual);

 private:
  Dense dense_;
  torch::nn::LayerNorm layer_norm_;
  double dropout_;
};
TORCH_MODULE(BertOutput);

class BertAttentionImpl : public torch::nn::Module {
 public:
  BertAttentionImpl(const ModelConfig& config, const BertVariant& variant);
  torch::Tensor forward(const torch::Tensor& hidden, const AttentionBias& bias,
                        EncoderTrace* trace);

 private:
  BertSelfAttention self_;
  BertOutput output_;
};
TORCH_MODULE(BertAttention);

class BertIntermediateImpl : public torch::nn::Module {
 public:
  explicit BertIntermediateImpl(const ModelConfig& config);
  torch::Tensor forward(const torch::Tensor& hidden);  // (B, T, H) -> (B, T, intermediate_size)

 private:
  Dense dense_;
  Activation activation_;
};
TORCH_MODULE(BertIntermediate);

class BertLayerImpl : public torch::nn::Module {
 public:
  BertLayerImpl(const ModelConfig& config, const BertVariant& variant);
  torch::Tensor forward(const torch::Tensor& hidden, const AttentionBias& bias,
                        EncoderTrace* trace);

 private:
  BertAttention attention_;
  BertIntermediate intermediate_;
  BertOutput output_;
};
TORCH_MODULE(BertLayer);

class BertEncoderImpl : public torch::nn::Module {
 public:
  BertEncoderImpl(const ModelConfig& config, const BertVariant& variant);
  /// The layers from `first` on; hidden (B, T, H) -> (B, T, H). Notes the states in `trace` unless
  /// it is null, and has the layers that it asks for note their attention.
  torch::Tensor forward(torch::Tensor hidden, const AttentionBias& bias, std::int64_t first,
                        EncoderTrace* trace);
  /// MPNet's bias by distance, the same for all layers: (1, heads, T, T); undefined elsewhere.
  torch::Tensor relative_bias(std::int64_t tokens);

 private:
  torch::nn::ModuleList layer_;  // one where the layers are shared
  torch::nn::Embedding relative_attention_bias_{nullptr};
  std::int64_t rounds_;  // how often the list is gone through
};
TORCH_MODULE(BertEncoder);

/// The state between [CLS] and the classifier: the pooler, or the head's own dense layer.
class BertPoolerImpl : public torch::nn::Module {
 public:
  BertPoolerImpl(std::int64_t size, Activation activation, double dropout_before);
  torch::Tensor forward(const torch::Tensor& hidden);  // activation(dense(at [CLS])), (B, H)

 private:
  torch::nn::Linear dense_;
  Activation activation_;
  double dropout_;  // before the dense layer
};
TORCH_MODULE(BertPooler);

class BertModelImpl : public Encoder {
 public:
  BertModelImpl(const ModelConfig& config, const BertVariant& variant);
  EncoderOutput forward(const EncoderInput& input, EncoderTrace* trace) override;
  EncoderOutput continue_from(std::int64_t first, const torch::Tensor& hidden,
                              const torch::Tensor& attention_mask, EncoderTrace* trace) override;

 private:
  torch::Tensor embed(const torch::Tensor& ids, const torch::Tensor& types,
                      const torch::Tensor& positions);
  EncoderOutput run_packed(std::int64_t first, const torch::Tensor& packed, const Packing& packing);
  bool packs(const torch::Tensor& attention_mask, const EncoderTrace* trace) const;

  BertEmbeddings embeddings_;
  torch::nn::Linear embeddings_project_{nullptr};  // where the embeddings are not (.., H)
  BertEncoder encoder_;
  BertPooler pooler_;
};

}  // namespace reaugkd::models
