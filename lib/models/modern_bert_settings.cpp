#include "models/modern_bert_settings.h"

#include <algorithm>

#include "base/error.h"
#include "models/config_keys.h"

namespace reaugkd::models {
namespace {

using base::Json;

constexpr const char* kLocal = "sliding_attention";
constexpr const char* kGlobal = "full_attention";

std::vector<bool> read_layer_types(const Json& json, std::int64_t layers,
                                   const std::string& where) {
  std::vector<bool> is_local;
  if (!has_key(json, "layer_types")) {
    const auto every = positive_or(json, "global_attn_every_n_layers", 3, where);
    for (std::int64_t i = 0; i < layers; ++i) is_local.push_back(i % every != 0);
    return is_local;
  }
  const auto names = base::json_at<std::vector<std::string>>(json, "layer_types", where);
  if (static_cast<std::int64_t>(names.size()) != layers) {
    throw base::ArtifactError("{}: layer_types names {} layers, num_hidden_layers is {}", where,
                              names.size(), layers);
  }
  for (const auto& name : names) {
    if (name != kLocal && name != kGlobal) {
      throw base::ArtifactError("{}: layer_types has \"{}\", expected {} or {}", where, name,
                                kLocal, kGlobal);
    }
    is_local.push_back(name == kLocal);
  }
  return is_local;
}

double read_theta(const Json& json, const char* kind, const char* older_key, double fallback,
                  const std::string& where) {
  double theta = key_or(json, older_key, fallback, where);
  if (has_key(json, "rope_parameters") && has_key(json["rope_parameters"], kind)) {
    const Json& parameters = json["rope_parameters"][kind];
    const std::string inside = where + ": rope_parameters." + kind;
    only<std::string>(parameters, "rope_type", "default", inside);
    theta = key_or(parameters, "rope_theta", theta, inside);
  }
  if (!(theta > 0)) {
    throw base::ArtifactError("{}: the rotary theta of {} is {}, expected a positive number", where,
                              kind, theta);
  }
  return theta;
}

bool read_pooling(const Json& json, const std::string& where) {
  const auto pooling = key_or<std::string>(json, "classifier_pooling", "cls", where);
  if (pooling == "cls" || pooling == "mean") return pooling == "mean";
  throw base::ArtifactError("{}: classifier_pooling is \"{}\", expected cls or mean", where,
                            pooling);
}

}  // namespace

ModernBertSettings read_modern_bert_settings(const Json& json, std::int64_t layers,
                                             const std::string& where) {
  if (has_key(json, "rope_scaling")) {
    throw base::ArtifactError("{}: rope_scaling is {}; only null is supported", where,
                              json["rope_scaling"].dump());
  }
  ModernBertSettings settings;
  settings.is_local = read_layer_types(json, layers, where);
  settings.window = positive_or(json, "local_attention", 128, where) / 2;
  settings.global_theta =
      read_theta(json, kGlobal, "global_rope_theta", settings.global_theta, where);
  settings.local_theta = read_theta(json, kLocal, "local_rope_theta", settings.local_theta, where);
  settings.norm_bias = key_or(json, "norm_bias", false, where);
  settings.attention_bias = key_or(json, "attention_bias", false, where);
  settings.mlp_bias = key_or(json, "mlp_bias", false, where);
  settings.classifier_bias = key_or(json, "classifier_bias", false, where);
  settings.embedding_dropout = probability(json, "embedding_dropout", 0, where);
  if (has_key(json, "classifier_activation")) {
    settings.classifier_activation = read_activation(json, "classifier_activation", where);
  }
  settings.mean_pooling = read_pooling(json, where);
  return settings;
}

void write_modern_bert_settings(const ModernBertSettings& settings, Json& json) {
  const auto layers = static_cast<std::int64_t>(settings.is_local.size());
  json["layer_types"] = Json::array();
  for (const bool local : settings.is_local)
    json["layer_types"].push_back(local ? kLocal : kGlobal);
  for (std::int64_t every = 1; every <= layers; ++every) {
    bool fits = true;
    for (std::int64_t i = 0; i < layers; ++i) {
      fits = fits && settings.is_local[static_cast<std::size_t>(i)] == (i % every != 0);
    }
    if (!fits) continue;
    json["global_attn_every_n_layers"] = every;
    break;
  }
  json["local_attention"] = 2 * settings.window;
  json["global_rope_theta"] = settings.global_theta;
  json["local_rope_theta"] = settings.local_theta;
  json["rope_parameters"] = {
      {kGlobal, {{"rope_theta", settings.global_theta}, {"rope_type", "default"}}},
      {kLocal, {{"rope_theta", settings.local_theta}, {"rope_type", "default"}}}};
  json["norm_bias"] = settings.norm_bias;
  json["attention_bias"] = settings.attention_bias;
  json["mlp_bias"] = settings.mlp_bias;
  json["classifier_bias"] = settings.classifier_bias;
  json["embedding_dropout"] = settings.embedding_dropout;
  json["classifier_activation"] = activation_name(settings.classifier_activation);
  json["classifier_pooling"] = settings.mean_pooling ? "mean" : "cls";
}

}  // namespace reaugkd::models
