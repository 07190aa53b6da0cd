#include "models/bert_family.h"

#include "base/error.h"
#include "models/config_keys.h"

namespace reaugkd::models {
namespace {

using base::ArtifactError;
using base::Json;

void refuse_unsupported(const BertVariant& variant, const Json& json, const std::string& where) {
  for (const auto& [key, supported] : variant.fixed_keys) {
    const auto value = base::json_value(json, key, supported, where);
    if (value != supported) {
      throw ArtifactError("{}: {} is {}; only {} is supported", where, key, value, supported);
    }
  }
  const auto position =
      base::json_value<std::string>(json, "position_embedding_type", "absolute", where);
  if (position != "absolute") {
    throw ArtifactError("{}: position_embedding_type \"{}\" is not supported; supported: absolute",
                        where, position);
  }
  if (base::json_value(json, "is_decoder", false, where)) {
    throw ArtifactError("{}: is_decoder is true; only encoders are supported", where);
  }
}

/// 0 where the family has no token types. A config.json without the key means 2, as in BERT's; one
/// that says 0 means that every token is of the same type, which is a table of one row.
std::int64_t read_type_vocab_size(const BertVariant& variant, const Json& json,
                                  const std::string& where) {
  const std::string key = variant.config_key("type_vocab_size");
  if (key.empty()) return 0;
  if (!json.contains(key)) return 2;
  return base::json_at<std::int64_t>(json, key, where) == 0 ? 1 : positive(json, key, where);
}

void read_sizes(ModelConfig& config, const BertVariant& variant, const Json& json,
                const std::string& where) {
  const auto key = [&](const char* ours) { return variant.config_key(ours); };
  config.vocab_size = positive(json, "vocab_size", where);
  config.hidden_size = positive(json, key("hidden_size"), where);
  if (variant.factorised_embeddings) {
    config.embedding_size = positive(json, "embedding_size", where);
  }
  config.num_hidden_layers = positive(json, key("num_hidden_layers"), where);
  config.num_attention_heads = positive(json, key("num_attention_heads"), where);
  config.intermediate_size = positive(json, key("intermediate_size"), where);
  config.max_position_embeddings = positive(json, "max_position_embeddings", where);
  config.type_vocab_size = read_type_vocab_size(variant, json, where);
  config.pad_token_id =
      base::json_value<std::int64_t>(json, "pad_token_id", variant.pad_token_id, where);
  if (variant.positions_follow_padding) config.first_position = config.pad_token_id + 1;
  if (variant.first_position > 0) config.first_position = variant.first_position;
  check_heads(config, key("hidden_size"), key("num_attention_heads"), where);
  if (config.first_position < 0 || config.max_tokens() <= 0) {
    throw ArtifactError("{}: max_position_embeddings {} leaves no position after pad_token_id {}",
                        where, config.max_position_embeddings, config.pad_token_id);
  }
}

/// transformers counts 32 buckets whatever the table's size.
std::int64_t read_buckets(const Json& json, const std::string& where) {
  const std::string key = "relative_attention_num_buckets";
  const auto rows = positive_or(json, key, kMpnetBuckets, where);
  if (rows >= kMpnetBuckets) return rows;
  throw ArtifactError(
      "{}: {} is {}, expected at least {}: distances are counted in so many buckets", where, key,
      rows, kMpnetBuckets);
}

void read_dropout(ModelConfig& config, const BertVariant& variant, const Json& json,
                  const std::string& where) {
  config.hidden_dropout_prob =
      probability(json, variant.config_key("hidden_dropout_prob"), 0.1, where);
  config.attention_probs_dropout_prob =
      probability(json, variant.config_key("attention_probs_dropout_prob"), 0.1, where);
  const double fallback =
      variant.classifier_dropout < 0 ? config.hidden_dropout_prob : variant.classifier_dropout;
  config.classifier_dropout =
      probability(json, variant.config_key("classifier_dropout"), fallback, where);
}

}  // namespace

ModelConfig BertFamily::read_config(const Json& json, const std::string& where) const {
  refuse_unsupported(variant_, json, where);
  ModelConfig config;
  read_sizes(config, variant_, json, where);
  if (variant_.relative_attention_bias) {
    config.relative_attention_num_buckets = read_buckets(json, where);
  }
  config.hidden_act = read_activation(json, variant_.config_key("hidden_act"), where);
  read_dropout(config, variant_, json, where);
  config.initializer_range = base::json_value(json, "initializer_range", 0.02, where);
  config.layer_norm_eps = base::json_value(json, "layer_norm_eps", variant_.layer_norm_eps, where);
  return config;
}

Json BertFamily::write_config(const ModelConfig& config) const {
  Json json;
  const auto put = [&](const char* ours, const auto& value) {
    const std::string key = variant_.config_key(ours);
    if (!key.empty()) json[key] = value;
  };
  put("attention_probs_dropout_prob", config.attention_probs_dropout_prob);
  put("classifier_dropout", config.classifier_dropout);
  if (variant_.factorised_embeddings) json["embedding_size"] = config.embedding_width();
  put("hidden_act", activation_name(config.hidden_act));
  put("hidden_dropout_prob", config.hidden_dropout_prob);
  put("hidden_size", config.hidden_size);
  json["initializer_range"] = config.initializer_range;
  put("intermediate_size", config.intermediate_size);
  put("layer_norm_eps", config.layer_norm_eps);
  json["max_position_embeddings"] = config.max_position_embeddings;
  put("num_attention_heads", config.num_attention_heads);
  put("num_hidden_layers", config.num_hidden_layers);
  json["pad_token_id"] = config.pad_token_id;
  if (variant_.relative_attention_bias) {
    json["relative_attention_num_buckets"] = config.relative_attention_num_buckets;
  }
  put("type_vocab_size", config.type_vocab_size);
  json["vocab_size"] = config.vocab_size;
  for (const auto& [key, value] : variant_.fixed_keys) json[key] = value;
  return json;
}

std::shared_ptr<Encoder> BertFamily::make_encoder(const ModelConfig& config) const {
  return make_bert(config, variant_);
}

double BertFamily::number_of_weights(const ModelConfig& config) const {
  const auto h = static_cast<double>(config.hidden_size);
  const auto rows = static_cast<double>(config.vocab_size + config.max_position_embeddings +
                                        config.type_vocab_size);
  const double layers = shares_layers() ? 1 : static_cast<double>(config.num_hidden_layers);
  return rows * static_cast<double>(config.embedding_width()) +
         layers * h * (4 * h + 2 * static_cast<double>(config.intermediate_size));
}

}  // namespace reaugkd::models
