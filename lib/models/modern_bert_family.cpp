#include "models/modern_bert_family.h"

#include <algorithm>

#include "base/error.h"
#include "models/config_keys.h"

namespace reaugkd::models {
namespace {

using base::Json;

ModernBertSettings settings_of(const ModelConfig& config) {
  return read_modern_bert_settings(config.published, config.num_hidden_layers, "config.json");
}

void read_modern_bert_sizes(ModelConfig& config, const Json& json, const std::string& where) {
  config.vocab_size = positive(json, "vocab_size", where);
  config.hidden_size = positive(json, "hidden_size", where);
  config.num_hidden_layers = positive(json, "num_hidden_layers", where);
  config.num_attention_heads = positive(json, "num_attention_heads", where);
  config.intermediate_size = positive(json, "intermediate_size", where);
  config.max_position_embeddings = positive_or(json, "max_position_embeddings", 8192, where);
  config.type_vocab_size = 0;
  config.pad_token_id = key_or<std::int64_t>(json, "pad_token_id", 50283, where);
  check_heads(config, "hidden_size", "num_attention_heads", where);
  const auto head_size = config.hidden_size / config.num_attention_heads;
  if (head_size % 2 != 0) {
    throw base::ArtifactError("{}: a head has {} values; rotary positions need an even number",
                              where, head_size);
  }
}

}  // namespace

ModelConfig ModernBertFamily::read_config(const Json& json, const std::string& where) const {
  ModelConfig config;
  read_modern_bert_sizes(config, json, where);
  read_modern_bert_settings(json, config.num_hidden_layers,
                            where);  // refuses what is not supported
  if (has_key(json, "hidden_activation")) {
    config.hidden_act = read_activation(json, "hidden_activation", where);
  }
  config.hidden_dropout_prob = probability(json, "mlp_dropout", 0, where);
  config.attention_probs_dropout_prob = probability(json, "attention_dropout", 0, where);
  config.classifier_dropout = probability(json, "classifier_dropout", 0, where);
  config.initializer_range = key_or(json, "initializer_range", 0.02, where);
  config.layer_norm_eps = key_or(json, "norm_eps", 1e-5, where);
  return config;
}

Json ModernBertFamily::write_config(const ModelConfig& config) const {
  Json json = {{"attention_dropout", config.attention_probs_dropout_prob},
               {"classifier_dropout", config.classifier_dropout},
               {"hidden_activation", activation_name(config.hidden_act)},
               {"hidden_size", config.hidden_size},
               {"initializer_range", config.initializer_range},
               {"intermediate_size", config.intermediate_size},
               {"max_position_embeddings", config.max_position_embeddings},
               {"mlp_dropout", config.hidden_dropout_prob},
               {"norm_eps", config.layer_norm_eps},
               {"num_attention_heads", config.num_attention_heads},
               {"num_hidden_layers", config.num_hidden_layers},
               {"pad_token_id", config.pad_token_id},
               {"vocab_size", config.vocab_size}};
  write_modern_bert_settings(settings_of(config), json);
  for (const char* key : {"bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"}) {
    if (config.published.contains(key)) json[key] = config.published[key];
  }
  return json;
}

std::shared_ptr<Encoder> ModernBertFamily::make_encoder(const ModelConfig& config) const {
  return make_modern_bert(config, settings_of(config));
}

std::string ModernBertFamily::our_name(std::string published) const {
  if (published.starts_with("decoder.")) return "";  // of masked words
  for (const char* root : {"embeddings.", "layers.", "final_norm.", "head."}) {
    if (published.starts_with(root)) return "model." + published;
  }
  return published;
}

std::string ModernBertFamily::published_name(const std::string& ours) const {
  const std::string encoder = "model.";
  return is_head(ours) ? ours.substr(encoder.size()) : ours;
}

ModelConfig ModernBertFamily::with_layers(ModelConfig config,
                                          const std::vector<std::int64_t>& layers) const {
  if (std::find(layers.begin() + 1, layers.end(), 0) != layers.end()) {
    throw base::ConfigError(
        "`student_layers`: layer 0 of ModernBERT has no norm before its attention, as the others "
        "have, and can be picked as the first only");
  }
  const auto before = settings_of(config).is_local;
  auto types = Json::array();
  for (const auto layer : layers) {
    types.push_back(before[static_cast<std::size_t>(layer)] ? "sliding_attention"
                                                            : "full_attention");
  }
  config.published["layer_types"] = types;
  config.num_hidden_layers = static_cast<std::int64_t>(layers.size());
  return config;
}

std::int64_t ModernBertFamily::attention_window(const ModelConfig& config,
                                                std::int64_t layer) const {
  const auto settings = settings_of(config);
  return settings.is_local[static_cast<std::size_t>(layer)]
             ? settings.window
             : Family::attention_window(config, layer);
}

double ModernBertFamily::number_of_weights(const ModelConfig& config) const {
  const auto h = static_cast<double>(config.hidden_size);
  return static_cast<double>(config.vocab_size) * h +
         static_cast<double>(config.num_hidden_layers) * h *
             (4 * h + 3 * static_cast<double>(config.intermediate_size));
}

}  // namespace reaugkd::models
