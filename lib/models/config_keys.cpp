#include "models/config_keys.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace reaugkd::models {
namespace {

struct ActivationName {
  const char* name;
  Activation value;
};

constexpr std::array<ActivationName, 4> kActivations = {{{"gelu", Activation::kGelu},
                                                         {"gelu_new", Activation::kGeluNew},
                                                         {"relu", Activation::kRelu},
                                                         {"tanh", Activation::kTanh}}};

}  // namespace

bool has_key(const base::Json& json, const std::string& key) {
  return json.contains(key) && !json[key].is_null();
}

std::int64_t positive(const base::Json& json, const std::string& key, const std::string& where) {
  const auto value = base::json_at<std::int64_t>(json, key, where);
  if (value <= 0 || value > 100'000'000) {
    throw base::ArtifactError("{}: {} is {}, expected a positive size", where, key, value);
  }
  return value;
}

std::int64_t positive_or(const base::Json& json, const std::string& key, std::int64_t fallback,
                         const std::string& where) {
  return has_key(json, key) ? positive(json, key, where) : fallback;
}

double probability(const base::Json& json, const std::string& key, double fallback,
                   const std::string& where) {
  const auto value = key_or(json, key, fallback, where);
  if (!(value >= 0 && value < 1)) {
    throw base::ArtifactError("{}: {} is {}, expected a probability below 1", where, key, value);
  }
  return value;
}

Activation read_activation(const base::Json& json, const std::string& key,
                           const std::string& where) {
  const auto name = base::json_at<std::string>(json, key, where);
  for (const auto& activation : kActivations) {
    if (name == activation.name) return activation.value;
  }
  throw base::ArtifactError("{}: {} \"{}\" is not supported; supported: gelu, gelu_new, relu, tanh",
                            where, key, name);
}

std::string activation_name(Activation activation) {
  return std::ranges::find(kActivations, activation, &ActivationName::value)->name;
}

template <typename T>
void only(const base::Json& json, const std::string& key, const T& supported,
          const std::string& where) {
  const T value = key_or(json, key, supported, where);
  if (value != supported) {
    throw base::ArtifactError("{}: {} is {}; only {} is supported", where, key,
                              base::Json(value).dump(), base::Json(supported).dump());
  }
}
template void only(const base::Json&, const std::string&, const bool&, const std::string&);
template void only(const base::Json&, const std::string&, const std::int64_t&, const std::string&);
template void only(const base::Json&, const std::string&, const std::string&, const std::string&);

std::string with_norm_names(std::string name) {
  if (name.ends_with(".gamma")) name.replace(name.size() - 5, 5, "weight");
  if (name.ends_with(".beta")) name.replace(name.size() - 4, 4, "bias");
  return name;
}

void check_heads(const ModelConfig& config, const std::string& width, const std::string& heads,
                 const std::string& where) {
  if (config.hidden_size % config.num_attention_heads == 0) return;
  throw base::ArtifactError("{}: {} {} is not divisible by {} {}", where, width, config.hidden_size,
                            heads, config.num_attention_heads);
}

}  // namespace reaugkd::models
