// BERT (Devlin et al., NAACL 2019), DistilBERT, RoBERTa, XLM-R, ELECTRA, ALBERT and MPNet: one
// encoder in the variants of bert_variants.h.
#pragma once

#include "models/bert_variants.h"
#include "models/family.h"

namespace reaugkd::models {

class BertFamily : public Family {
 public:
  explicit BertFamily(const BertVariant& variant) : variant_(variant) {}

  std::string model_type() const override { return variant_.model_type; }
  std::string architecture() const override { return variant_.architecture; }
  ModelConfig read_config(const base::Json& json, const std::string& where) const override;
  base::Json write_config(const ModelConfig& config) const override;
  std::shared_ptr<Encoder> make_encoder(const ModelConfig& config) const override;
  std::string encoder_name() const override { return "bert"; }
  std::string our_name(std::string published) const override {
    return variant_.our_name(std::move(published));
  }
  std::string published_name(const std::string& ours) const override {
    return variant_.published_name(ours);
  }
  std::string layer_prefix() const override { return "bert.encoder.layer."; }
  bool shares_layers() const override { return variant_.shared_layers; }
  bool is_head(const std::string& ours) const override { return ours.starts_with("bert.pooler."); }
  bool may_be_zero(const std::string& ours) const override {
    return ours == "bert.embeddings.token_type_embeddings.weight";
  }
  bool is_word_embedding(const std::string& ours) const override {
    return ours == "bert.embeddings.word_embeddings.weight";
  }
  double number_of_weights(const ModelConfig& config) const override;

 private:
  const BertVariant& variant_;
};

/// The encoder of a variant; in bert.cpp, with LibTorch.
std::shared_ptr<Encoder> make_bert(const ModelConfig& config, const BertVariant& variant);

}  // namespace reaugkd::models
