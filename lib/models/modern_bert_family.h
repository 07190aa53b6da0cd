// ModernBERT's family.
#pragma once

#include "models/family.h"
#include "models/modern_bert_settings.h"

namespace reaugkd::models {

class ModernBertFamily : public Family {
 public:
  std::string model_type() const override { return "modernbert"; }
  std::string architecture() const override { return "ModernBertForSequenceClassification"; }
  ModelConfig read_config(const base::Json& json, const std::string& where) const override;
  base::Json write_config(const ModelConfig& config) const override;
  std::shared_ptr<Encoder> make_encoder(const ModelConfig& config) const override;
  std::string encoder_name() const override { return "model"; }
  std::string our_name(std::string published) const override;
  std::string published_name(const std::string& ours) const override;
  ModelConfig with_layers(ModelConfig config,
                          const std::vector<std::int64_t>& layers) const override;
  std::string layer_prefix() const override { return "model.layers."; }
  bool is_head(const std::string& ours) const override { return ours.starts_with("model.head."); }
  /// The norm of a layer that was picked as the first, which has none.
  bool may_be_left_over(const std::string& ours) const override {
    return ours.starts_with("model.layers.0.attn_norm.");
  }
  bool is_word_embedding(const std::string& ours) const override {
    return ours == "model.embeddings.tok_embeddings.weight";
  }
  std::int64_t attention_window(const ModelConfig& config, std::int64_t layer) const override;
  double number_of_weights(const ModelConfig& config) const override;
};

/// The encoder; in modern_bert.cpp, with LibTorch.
std::shared_ptr<Encoder> make_modern_bert(const ModelConfig& config,
                                          const ModernBertSettings& settings);

}  // namespace reaugkd::models
