// DeBERTa's families: `deberta` (version 1) and `deberta-v2` (versions 2 and 3).
#pragma once

#include "models/deberta_settings.h"
#include "models/family.h"

namespace reaugkd::models {

class DebertaFamily : public Family {
 public:
  explicit DebertaFamily(DebertaVersion version) : version_(version) {}

  std::string model_type() const override {
    return version_ == DebertaVersion::kV1 ? "deberta" : "deberta-v2";
  }
  std::string architecture() const override {
    return version_ == DebertaVersion::kV1 ? "DebertaForSequenceClassification"
                                           : "DebertaV2ForSequenceClassification";
  }
  ModelConfig read_config(const base::Json& json, const std::string& where) const override;
  base::Json write_config(const ModelConfig& config) const override;
  std::shared_ptr<Encoder> make_encoder(const ModelConfig& config) const override;
  std::string encoder_name() const override { return "deberta"; }
  std::string our_name(std::string published) const override;
  std::string published_name(const std::string& ours) const override;
  std::string layer_prefix() const override { return "deberta.encoder.layer."; }
  bool is_head(const std::string& ours) const override {
    return ours.starts_with("deberta.pooler.");
  }
  bool may_be_left_over(const std::string& ours) const override {
    return ours == "deberta.embeddings.position_embeddings.weight";
  }
  bool is_word_embedding(const std::string& ours) const override {
    return ours == "deberta.embeddings.word_embeddings.weight";
  }
  double number_of_weights(const ModelConfig& config) const override;

 private:
  DebertaVersion version_;
};

/// The encoder; in deberta.cpp, with LibTorch.
std::shared_ptr<Encoder> make_deberta(const ModelConfig& config, const DebertaSettings& settings);

}  // namespace reaugkd::models
