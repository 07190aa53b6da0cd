// ModernBERT (Warner et al., 2024): pre-norm layers of global or local attention with rotary
// positions, and gated feed-forward parts. The parameters' names are those of published
// checkpoints. Local attention is computed whole and masked.
#pragma once

#include <torch/torch.h>

#include <memory>

#include "models/attention_weights.h"
#include "models/dense.h"
#include "models/encoder.h"
#include "models/model_config.h"
#include "models/modern_bert_settings.h"
#include "models/rotary.h"

namespace reaugkd::models {

/// LayerNorm with or without bias.
class ModernBertNormImpl : public torch::nn::Module {
 public:
  ModernBertNormImpl(const ModelConfig& config, bool bias);
  torch::Tensor forward(const torch::Tensor& x);  // (.., H)

 private:
  torch::Tensor weight_, bias_;
  double eps_;
};
TORCH_MODULE(ModernBertNorm);

class ModernBertEmbeddingsImpl : public torch::nn::Module {
 public:
  ModernBertEmbeddingsImpl(const ModelConfig& config, const ModernBertSettings& settings);
  torch::Tensor forward(const torch::Tensor& input_ids);  // (B, T) -> (B, T, H)

 private:
  torch::nn::Embedding tok_embeddings_;
  ModernBertNorm norm_;
  double dropout_;
};
TORCH_MODULE(ModernBertEmbeddings);

/// What all layers of one kind share in one forward pass.
struct ModernBertPass {
  AttentionBias bias;
  RotaryAngles angles;
};

class ModernBertAttentionImpl : public torch::nn::Module {
 public:
  ModernBertAttentionImpl(const ModelConfig& config, const ModernBertSettings& settings);
  torch::Tensor forward(const torch::Tensor& hidden, const ModernBertPass& pass,
                        EncoderTrace* trace);

 private:
  std::int64_t heads_;
  Dense qkv_, out_;
  double dropout_;
};
TORCH_MODULE(ModernBertAttention);

class ModernBertMlpImpl : public torch::nn::Module {
 public:
  ModernBertMlpImpl(const ModelConfig& config, const ModernBertSettings& settings);
  torch::Tensor forward(const torch::Tensor& hidden);

 private:
  Dense in_, out_;
  Activation activation_;
  double dropout_;
};
TORCH_MODULE(ModernBertMlp);

class ModernBertLayerImpl : public torch::nn::Module {
 public:
  ModernBertLayerImpl(const ModelConfig& config, const ModernBertSettings& settings, bool first);
  torch::Tensor forward(const torch::Tensor& hidden, const ModernBertPass& pass,
                        EncoderTrace* trace);

 private:
  ModernBertNorm attn_norm_{nullptr};  // none in the first layer: the embeddings have one
  ModernBertAttention attn_;
  ModernBertNorm mlp_norm_;
  ModernBertMlp mlp_;
};
TORCH_MODULE(ModernBertLayer);

/// norm(activation(dense(x))): the state before the classifier.
class ModernBertHeadImpl : public torch::nn::Module {
 public:
  ModernBertHeadImpl(const ModelConfig& config, const ModernBertSettings& settings);
  torch::Tensor forward(const torch::Tensor& x);  // (B, H)

 private:
  torch::nn::Linear dense_;
  Activation activation_;
  ModernBertNorm norm_;
};
TORCH_MODULE(ModernBertHead);

class ModernBertModelImpl : public Encoder {
 public:
  ModernBertModelImpl(const ModelConfig& config, const ModernBertSettings& settings);
  EncoderOutput forward(const EncoderInput& input, EncoderTrace* trace) override;
  EncoderOutput continue_from(std::int64_t first, const torch::Tensor& hidden,
                              const torch::Tensor& attention_mask, EncoderTrace* trace) override;

 private:
  ModernBertSettings settings_;
  ModernBertEmbeddings embeddings_;
  torch::nn::ModuleList layers_;
  ModernBertNorm final_norm_;
  ModernBertHead head_;
  RotaryTable global_, local_;
};

}  // namespace reaugkd::models
