// DeBERTa (He et al., ICLR 2021), its versions 2 and 3 (He et al., ICLR 2023) included. The
// parameters' names are those of published checkpoints.
#pragma once

#include <torch/torch.h>

#include "models/bert.h"
#include "models/deberta_attention.h"

namespace reaugkd::models {

class DebertaEmbeddingsImpl : public torch::nn::Module {
 public:
  DebertaEmbeddingsImpl(const ModelConfig& config, const DebertaSettings& settings);
  torch::Tensor forward(const EncoderInput& input);  // (B, T, H), zeros at padding

 private:
  torch::nn::Embedding word_embeddings_;
  torch::nn::Embedding position_embeddings_{nullptr}, token_type_embeddings_{nullptr};
  torch::nn::Linear embed_proj_{nullptr};  // where the tables are not (.., H)
  torch::nn::LayerNorm layer_norm_;
  std::int64_t type_vocab_size_;
  double dropout_;
};
TORCH_MODULE(DebertaEmbeddings);

class DebertaAttentionImpl : public torch::nn::Module {
 public:
  DebertaAttentionImpl(const ModelConfig& config, const DebertaSettings& settings);
  torch::Tensor forward(const torch::Tensor& hidden, const DebertaPass& pass, EncoderTrace* trace);

 private:
  DebertaSelfAttention self_;
  BertOutput output_;
};
TORCH_MODULE(DebertaAttention);

class DebertaLayerImpl : public torch::nn::Module {
 public:
  DebertaLayerImpl(const ModelConfig& config, const DebertaSettings& settings);
  torch::Tensor forward(const torch::Tensor& hidden, const DebertaPass& pass, EncoderTrace* trace);

 private:
  DebertaAttention attention_;
  BertIntermediate intermediate_;
  BertOutput output_;
};
TORCH_MODULE(DebertaLayer);

/// v2-xlarge's: LayerNorm(first layer's states + act(dropout(convolution of the embeddings))).
class DebertaConvolutionImpl : public torch::nn::Module {
 public:
  DebertaConvolutionImpl(const ModelConfig& config, const DebertaSettings& settings);
  /// embedded and states (B, T, H), mask (B, T, 1) fp32 -> (B, T, H)
  torch::Tensor forward(const torch::Tensor& embedded, const torch::Tensor& states,
                        const torch::Tensor& mask);

 private:
  torch::Tensor convolve(const torch::Tensor& x);  // (B, T, H) -> (B, T, H)

  torch::nn::Conv1d conv_;  // its parameters
  torch::nn::LayerNorm layer_norm_;
  Activation activation_;
  double dropout_;
};
TORCH_MODULE(DebertaConvolution);

class DebertaEncoderImpl : public torch::nn::Module {
 public:
  DebertaEncoderImpl(const ModelConfig& config, const DebertaSettings& settings);
  /// The layers from `first` on; hidden (B, T, H), attention_mask (B, T) -> (B, T, H).
  torch::Tensor forward(torch::Tensor hidden, const torch::Tensor& attention_mask,
                        std::int64_t first, EncoderTrace* trace);

 private:
  DebertaPass pass_for(const torch::Tensor& attention_mask);

  DebertaSettings settings_;
  torch::nn::ModuleList layer_;
  torch::nn::Embedding rel_embeddings_{nullptr};
  torch::nn::LayerNorm layer_norm_{nullptr};
  DebertaConvolution conv_{nullptr};
};
TORCH_MODULE(DebertaEncoder);

class DebertaModelImpl : public Encoder {
 public:
  DebertaModelImpl(const ModelConfig& config, const DebertaSettings& settings);
  EncoderOutput forward(const EncoderInput& input, EncoderTrace* trace) override;
  EncoderOutput continue_from(std::int64_t first, const torch::Tensor& hidden,
                              const torch::Tensor& attention_mask, EncoderTrace* trace) override;

 private:
  DebertaEmbeddings embeddings_;
  DebertaEncoder encoder_;
  BertPooler pooler_;
};

}  // namespace reaugkd::models
