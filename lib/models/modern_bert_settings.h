// What ModernBERT's config.json says beside the sizes that all encoders have.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "models/model_config.h"

namespace reaugkd::models {

struct ModernBertSettings {
  std::vector<bool> is_local;  // of each layer
  std::int64_t window = 64;    // of local layers: a token sees those at most this far
  double global_theta = 160'000, local_theta = 10'000;  // of rotary positions
  bool norm_bias = false, attention_bias = false, mlp_bias = false, classifier_bias = false;
  double embedding_dropout = 0;
  Activation classifier_activation = Activation::kGelu;
  bool mean_pooling = false;  // classifier_pooling: what the head reads
};

/// The layers' kinds and thetas in transformers' older spelling (global_attn_every_n_layers,
/// global_rope_theta) or the newer (layer_types, rope_parameters). Throws ArtifactError naming
/// `where` and the key on what is not supported.
ModernBertSettings read_modern_bert_settings(const base::Json& json, std::int64_t layers,
                                             const std::string& where);
/// In both spellings; the older one has no word for layers that do not alternate regularly.
void write_modern_bert_settings(const ModernBertSettings& settings, base::Json& json);

}  // namespace reaugkd::models
