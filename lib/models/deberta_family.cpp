#include "models/deberta_family.h"

#include <algorithm>
#include <array>

#include "models/config_keys.h"

namespace reaugkd::models {
namespace {

using base::Json;

// The heads of pretraining.
constexpr std::array<const char*, 3> kDebertaIgnored = {"cls.", "lm_predictions.",
                                                        "mask_predictions."};

void read_deberta_sizes(ModelConfig& config, const Json& json, const std::string& where) {
  config.vocab_size = positive(json, "vocab_size", where);
  config.hidden_size = positive(json, "hidden_size", where);
  config.embedding_size = positive_or(json, "embedding_size", config.hidden_size, where);
  config.num_hidden_layers = positive(json, "num_hidden_layers", where);
  config.num_attention_heads = positive(json, "num_attention_heads", where);
  config.intermediate_size = positive(json, "intermediate_size", where);
  config.max_position_embeddings = positive_or(json, "max_position_embeddings", 512, where);
  const auto types = key_or<std::int64_t>(json, "type_vocab_size", 0, where);
  config.type_vocab_size = types == 0 ? 0 : positive(json, "type_vocab_size", where);
  config.pad_token_id = key_or<std::int64_t>(json, "pad_token_id", 0, where);
  check_heads(config, "hidden_size", "num_attention_heads", where);
  only(json, "pooler_hidden_size", config.hidden_size, where);
  only(json, "attention_head_size", config.hidden_size / config.num_attention_heads, where);
}

}  // namespace

ModelConfig DebertaFamily::read_config(const Json& json, const std::string& where) const {
  ModelConfig config;
  read_deberta_sizes(config, json, where);
  read_deberta_settings(json, version_, where);  // refuses what is not supported
  config.hidden_act = read_activation(json, "hidden_act", where);
  config.hidden_dropout_prob = probability(json, "hidden_dropout_prob", 0.1, where);
  config.attention_probs_dropout_prob =
      probability(json, "attention_probs_dropout_prob", 0.1, where);
  config.classifier_dropout = probability(json, "cls_dropout", config.hidden_dropout_prob, where);
  config.initializer_range = key_or(json, "initializer_range", 0.02, where);
  config.layer_norm_eps = key_or(json, "layer_norm_eps", 1e-7, where);
  return config;
}

Json DebertaFamily::write_config(const ModelConfig& config) const {
  Json json = {{"attention_probs_dropout_prob", config.attention_probs_dropout_prob},
               {"cls_dropout", config.classifier_dropout},
               {"embedding_size", config.embedding_width()},
               {"hidden_act", activation_name(config.hidden_act)},
               {"hidden_dropout_prob", config.hidden_dropout_prob},
               {"hidden_size", config.hidden_size},
               {"initializer_range", config.initializer_range},
               {"intermediate_size", config.intermediate_size},
               {"layer_norm_eps", config.layer_norm_eps},
               {"max_position_embeddings", config.max_position_embeddings},
               {"num_attention_heads", config.num_attention_heads},
               {"num_hidden_layers", config.num_hidden_layers},
               {"pad_token_id", config.pad_token_id},
               {"pooler_hidden_size", config.hidden_size},
               {"type_vocab_size", config.type_vocab_size},
               {"vocab_size", config.vocab_size}};
  write_deberta_settings(read_deberta_settings(config.published, version_, "config.json"), json);
  if (has_key(config.published, "legacy")) json["legacy"] = config.published["legacy"];
  return json;
}

std::shared_ptr<Encoder> DebertaFamily::make_encoder(const ModelConfig& config) const {
  return make_deberta(config, read_deberta_settings(config.published, version_, "config.json"));
}

std::string DebertaFamily::our_name(std::string published) const {
  if (published.starts_with("embeddings.") || published.starts_with("encoder.") ||
      published.starts_with("pooler.")) {
    published = "deberta." + published;
  }
  const bool ignored = std::ranges::any_of(
      kDebertaIgnored, [&](const char* beginning) { return published.starts_with(beginning); });
  if (ignored || published.ends_with("position_ids")) return "";
  return with_norm_names(published);
}

std::string DebertaFamily::published_name(const std::string& ours) const {
  const std::string encoder = "deberta.";
  return is_head(ours) ? ours.substr(encoder.size()) : ours;
}

double DebertaFamily::number_of_weights(const ModelConfig& config) const {
  const auto settings = read_deberta_settings(config.published, version_, "config.json");
  const auto h = static_cast<double>(config.hidden_size);
  const auto rows =
      static_cast<double>(config.vocab_size + config.type_vocab_size +
                          (settings.position_biased_input ? config.max_position_embeddings : 0));
  const double of_positions = settings.share_att_key ? 0 : 2;
  const double relative =
      settings.relative_attention ? 2 * static_cast<double>(settings.positions.span) * h : 0;
  return rows * static_cast<double>(config.embedding_width()) + relative +
         static_cast<double>(settings.conv_kernel_size) * h * h +
         static_cast<double>(config.num_hidden_layers) * h *
             ((4 + of_positions) * h + 2 * static_cast<double>(config.intermediate_size));
}

}  // namespace reaugkd::models
