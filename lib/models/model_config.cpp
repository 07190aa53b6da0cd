#include "models/model_config.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace reaugkd::models {
namespace {

using base::ArtifactError;
using base::Json;

template <typename T>
struct Name {
  const char* name;
  T value;
};

constexpr std::array<Name<Activation>, 3> kActivations = {
    {{"gelu", Activation::kGelu}, {"gelu_new", Activation::kGeluNew}, {"relu", Activation::kRelu}}};
constexpr std::array<Name<Embedding>, 3> kEmbeddings = {
    {{"cls", Embedding::kCls}, {"mean", Embedding::kMean}, {"pooler", Embedding::kPooler}}};

template <typename Names>
auto name_of(const Names& names, decltype(names[0].value) value) {
  return std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.value == value; })
      ->name;
}

std::int64_t positive(const Json& json, const std::string& key, const std::string& where) {
  const auto value = base::json_at<std::int64_t>(json, key, where);
  if (value <= 0 || value > 100'000'000) {
    throw ArtifactError("{}: {} is {}, expected a positive size", where, key, value);
  }
  return value;
}

double probability(const Json& json, const std::string& key, double fallback,
                   const std::string& where) {
  if (!json.contains(key) || json[key].is_null()) return fallback;
  const auto value = base::json_at<double>(json, key, where);
  if (!(value >= 0 && value < 1)) {
    throw ArtifactError("{}: {} is {}, expected a probability below 1", where, key, value);
  }
  return value;
}

std::vector<std::string> read_id2label(const Json& json, const std::string& where) {
  if (!json.contains("id2label") || json["id2label"].is_null()) return {};
  const Json& map = json["id2label"];
  if (!map.is_object()) {
    throw ArtifactError("{}: id2label is {}, expected an object of number to name", where,
                        map.dump());
  }
  std::vector<std::string> labels(map.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = base::json_at<std::string>(map, std::to_string(i), where + ": id2label");
  }
  return labels;
}

const Family& read_family(const Json& json, const std::string& where) {
  const auto model_type = base::json_at<std::string>(json, "model_type", where);
  const Family* family = find_family(model_type);
  if (family == nullptr) {
    throw ArtifactError("{}: model_type \"{}\" is not supported; supported: {}", where, model_type,
                        fmt::join(supported_model_types(), ", "));
  }
  return *family;
}

void refuse_unsupported(const Family& family, const Json& json, const std::string& where) {
  for (const auto& [key, supported] : family.fixed_keys) {
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

Activation read_activation(const Json& json, const std::string& key, const std::string& where) {
  const auto name = base::json_at<std::string>(json, key, where);
  for (const auto& activation : kActivations) {
    if (name == activation.name) return activation.value;
  }
  throw ArtifactError("{}: {} \"{}\" is not supported; supported: gelu, gelu_new, relu", where, key,
                      name);
}

/// 0 where the family has no token types. A config.json without the key means 2, as in BERT's; one
/// that says 0 means that every token is of the same type, which is a table of one row.
std::int64_t read_type_vocab_size(const Family& family, const Json& json,
                                  const std::string& where) {
  const std::string key = family.config_key("type_vocab_size");
  if (key.empty()) return 0;
  if (!json.contains(key)) return 2;
  return base::json_at<std::int64_t>(json, key, where) == 0 ? 1 : positive(json, key, where);
}

void read_sizes(BertConfig& config, const Json& json, const std::string& where) {
  const auto key = [&](const char* ours) { return config.family->config_key(ours); };
  config.vocab_size = positive(json, "vocab_size", where);
  config.hidden_size = positive(json, key("hidden_size"), where);
  if (config.family->factorised_embeddings) {
    config.embedding_size = positive(json, "embedding_size", where);
  }
  config.num_hidden_layers = positive(json, key("num_hidden_layers"), where);
  config.num_attention_heads = positive(json, key("num_attention_heads"), where);
  config.intermediate_size = positive(json, key("intermediate_size"), where);
  config.max_position_embeddings = positive(json, "max_position_embeddings", where);
  config.type_vocab_size = read_type_vocab_size(*config.family, json, where);
  config.pad_token_id =
      base::json_value<std::int64_t>(json, "pad_token_id", config.family->pad_token_id, where);
  if (config.hidden_size % config.num_attention_heads != 0) {
    throw ArtifactError("{}: {} {} is not divisible by {} {}", where, key("hidden_size"),
                        config.hidden_size, key("num_attention_heads"), config.num_attention_heads);
  }
  if (config.first_position() < 0 || config.max_tokens() <= 0) {
    throw ArtifactError("{}: max_position_embeddings {} leaves no position after pad_token_id {}",
                        where, config.max_position_embeddings, config.pad_token_id);
  }
}

void read_dropout(BertConfig& config, const Json& json, const std::string& where) {
  const Family& family = *config.family;
  config.hidden_dropout_prob =
      probability(json, family.config_key("hidden_dropout_prob"), 0.1, where);
  config.attention_probs_dropout_prob =
      probability(json, family.config_key("attention_probs_dropout_prob"), 0.1, where);
  const double fallback =
      family.classifier_dropout < 0 ? config.hidden_dropout_prob : family.classifier_dropout;
  config.classifier_dropout =
      probability(json, family.config_key("classifier_dropout"), fallback, where);
}

}  // namespace

std::string to_string(Embedding embedding) {
  return name_of(kEmbeddings, embedding);
}

Embedding parse_embedding(const std::string& text) {
  for (const auto& embedding : kEmbeddings) {
    if (text == embedding.name) return embedding.value;
  }
  throw base::ConfigError("`embedding`: \"{}\" is not one of cls, mean, pooler", text);
}

BertConfig load_config(const std::filesystem::path& directory) {
  const auto path = directory / "config.json";
  const std::string where = path.string();
  if (!std::filesystem::exists(path)) {
    throw ArtifactError(
        "{}: is missing; a model directory holds config.json, model.safetensors and a vocabulary",
        where);
  }
  const Json json = base::read_json(path);
  BertConfig config;
  config.family = &read_family(json, where);
  refuse_unsupported(*config.family, json, where);
  read_sizes(config, json, where);
  config.hidden_act = read_activation(json, config.family->config_key("hidden_act"), where);
  read_dropout(config, json, where);
  config.initializer_range = base::json_value(json, "initializer_range", 0.02, where);
  config.layer_norm_eps =
      base::json_value(json, "layer_norm_eps", config.family->layer_norm_eps, where);
  config.id2label = read_id2label(json, where);
  if (base::json_value<std::string>(json, "problem_type", "", where) == "regression") {
    config.kind = base::TaskKind::kRegression;
  }
  if (json.contains("reaugkd")) config.reaugkd = json["reaugkd"];
  return config;
}

void save_config(const BertConfig& config, const std::filesystem::path& directory) {
  const Family& family = *config.family;
  Json json;
  json["architectures"] = {family.architecture};
  json["model_type"] = family.model_type;
  const auto put = [&](const char* ours, const auto& value) {
    const std::string key = family.config_key(ours);
    if (!key.empty()) json[key] = value;
  };
  put("attention_probs_dropout_prob", config.attention_probs_dropout_prob);
  put("classifier_dropout", config.classifier_dropout);
  if (family.factorised_embeddings) json["embedding_size"] = config.embedding_width();
  put("hidden_act", name_of(kActivations, config.hidden_act));
  put("hidden_dropout_prob", config.hidden_dropout_prob);
  put("hidden_size", config.hidden_size);
  Json id2label = Json::object();
  Json label2id = Json::object();
  for (std::size_t i = 0; i < config.id2label.size(); ++i) {
    id2label[std::to_string(i)] = config.id2label[i];
    label2id[config.id2label[i]] = i;
  }
  json["id2label"] = id2label;
  json["initializer_range"] = config.initializer_range;
  put("intermediate_size", config.intermediate_size);
  json["label2id"] = label2id;
  put("layer_norm_eps", config.layer_norm_eps);
  json["max_position_embeddings"] = config.max_position_embeddings;
  put("num_attention_heads", config.num_attention_heads);
  put("num_hidden_layers", config.num_hidden_layers);
  json["pad_token_id"] = config.pad_token_id;
  json["problem_type"] =
      config.kind == base::TaskKind::kRegression ? "regression" : "single_label_classification";
  if (!config.reaugkd.is_null()) json["reaugkd"] = config.reaugkd;
  put("type_vocab_size", config.type_vocab_size);
  json["vocab_size"] = config.vocab_size;
  for (const auto& [key, value] : family.fixed_keys) json[key] = value;
  base::write_json(directory / "config.json", json);
}

}  // namespace reaugkd::models
