// Reading config.json, for all families: a key that is null counts as absent, and an error names
// the file, the key, what was found and what was expected.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "models/model_config.h"

namespace reaugkd::models {

/// Whether the key is there and not null.
bool has_key(const base::Json& json, const std::string& key);

/// json[key] as T, or `fallback`.
template <typename T>
T key_or(const base::Json& json, const std::string& key, T fallback, const std::string& where) {
  return has_key(json, key) ? base::json_at<T>(json, key, where) : fallback;
}

/// A size from 1 to 100 million.
std::int64_t positive(const base::Json& json, const std::string& key, const std::string& where);
std::int64_t positive_or(const base::Json& json, const std::string& key, std::int64_t fallback,
                         const std::string& where);
/// At least 0 and below 1.
double probability(const base::Json& json, const std::string& key, double fallback,
                   const std::string& where);
Activation read_activation(const base::Json& json, const std::string& key,
                           const std::string& where);
std::string activation_name(Activation activation);

/// Throws ArtifactError unless the key is absent or has the one value that is supported.
template <typename T>
void only(const base::Json& json, const std::string& key, const T& supported,
          const std::string& where);

/// The name with LayerNorm's older gamma and beta as weight and bias.
std::string with_norm_names(std::string name);

/// Throws ArtifactError unless hidden_size is a multiple of num_attention_heads; `width` and
/// `heads` are the family's keys for them.
void check_heads(const ModelConfig& config, const std::string& width, const std::string& heads,
                 const std::string& where);

}  // namespace reaugkd::models
