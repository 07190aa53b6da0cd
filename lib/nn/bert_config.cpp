#include "nn/bert_config.h"

#include <algorithm>
#include <array>

#include "core/error.h"

namespace reaugkd::nn {
namespace {

using core::ArtifactError;
using core::Json;

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
  const auto value = core::json_at<std::int64_t>(json, key, where);
  if (value <= 0 || value > 100'000'000) {
    throw ArtifactError("{}: {} is {}, expected a positive size", where, key, value);
  }
  return value;
}

double probability(const Json& json, const std::string& key, double fallback,
                   const std::string& where) {
  if (!json.contains(key) || json[key].is_null()) return fallback;
  const auto value = core::json_at<double>(json, key, where);
  if (!(value >= 0 && value < 1)) {
    throw ArtifactError("{}: {} is {}, expected a probability below 1", where, key, value);
  }
  return value;
}

std::vector<std::string> read_id2label(const Json& json, const std::string& where) {
  if (!json.contains("id2label") || json["id2label"].is_null()) return {};
  const Json& map = json["id2label"];
  std::vector<std::string> labels(map.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = core::json_at<std::string>(map, std::to_string(i), where + ": id2label");
  }
  return labels;
}

void refuse_unsupported(const Json& json, const std::string& where) {
  const auto model_type = core::json_at<std::string>(json, "model_type", where);
  if (model_type != "bert") {
    throw ArtifactError("{}: model_type \"{}\" is not supported; supported: bert", where,
                        model_type);
  }
  const auto position =
      core::json_value<std::string>(json, "position_embedding_type", "absolute", where);
  if (position != "absolute") {
    throw ArtifactError("{}: position_embedding_type \"{}\" is not supported; supported: absolute",
                        where, position);
  }
  if (core::json_value(json, "is_decoder", false, where)) {
    throw ArtifactError("{}: is_decoder is true; only encoders are supported", where);
  }
}

Activation read_activation(const Json& json, const std::string& where) {
  const auto name = core::json_at<std::string>(json, "hidden_act", where);
  for (const auto& activation : kActivations) {
    if (name == activation.name) return activation.value;
  }
  throw ArtifactError("{}: hidden_act \"{}\" is not supported; supported: gelu, gelu_new, relu",
                      where, name);
}

}  // namespace

std::string to_string(Embedding embedding) {
  return name_of(kEmbeddings, embedding);
}

Embedding parse_embedding(const std::string& text) {
  for (const auto& embedding : kEmbeddings) {
    if (text == embedding.name) return embedding.value;
  }
  throw core::ConfigError("--embedding: \"{}\" is not one of cls, mean, pooler", text);
}

BertConfig load_config(const std::filesystem::path& directory) {
  const auto path = directory / "config.json";
  const std::string where = path.string();
  const Json json = core::read_json(path);
  refuse_unsupported(json, where);

  BertConfig config;
  config.vocab_size = positive(json, "vocab_size", where);
  config.hidden_size = positive(json, "hidden_size", where);
  config.num_hidden_layers = positive(json, "num_hidden_layers", where);
  config.num_attention_heads = positive(json, "num_attention_heads", where);
  config.intermediate_size = positive(json, "intermediate_size", where);
  config.max_position_embeddings = positive(json, "max_position_embeddings", where);
  config.type_vocab_size = positive(json, "type_vocab_size", where);
  if (config.hidden_size % config.num_attention_heads != 0) {
    throw ArtifactError("{}: hidden_size {} is not divisible by num_attention_heads {}", where,
                        config.hidden_size, config.num_attention_heads);
  }
  config.hidden_act = read_activation(json, where);
  config.hidden_dropout_prob = probability(json, "hidden_dropout_prob", 0.1, where);
  config.attention_probs_dropout_prob =
      probability(json, "attention_probs_dropout_prob", 0.1, where);
  config.classifier_dropout =
      probability(json, "classifier_dropout", config.hidden_dropout_prob, where);
  config.initializer_range = core::json_value(json, "initializer_range", 0.02, where);
  config.layer_norm_eps = core::json_value(json, "layer_norm_eps", 1e-12, where);
  config.pad_token_id = core::json_value<std::int64_t>(json, "pad_token_id", 0, where);
  config.id2label = read_id2label(json, where);
  config.regression =
      core::json_value<std::string>(json, "problem_type", "", where) == "regression";
  if (json.contains("reaugkd")) config.reaugkd = json["reaugkd"];
  return config;
}

void save_config(const BertConfig& config, const std::filesystem::path& directory) {
  Json json;
  json["architectures"] = {"BertForSequenceClassification"};
  json["model_type"] = "bert";
  json["attention_probs_dropout_prob"] = config.attention_probs_dropout_prob;
  json["classifier_dropout"] = config.classifier_dropout;
  json["hidden_act"] = name_of(kActivations, config.hidden_act);
  json["hidden_dropout_prob"] = config.hidden_dropout_prob;
  json["hidden_size"] = config.hidden_size;
  Json id2label = Json::object();
  Json label2id = Json::object();
  for (std::size_t i = 0; i < config.id2label.size(); ++i) {
    id2label[std::to_string(i)] = config.id2label[i];
    label2id[config.id2label[i]] = i;
  }
  json["id2label"] = id2label;
  json["initializer_range"] = config.initializer_range;
  json["intermediate_size"] = config.intermediate_size;
  json["label2id"] = label2id;
  json["layer_norm_eps"] = config.layer_norm_eps;
  json["max_position_embeddings"] = config.max_position_embeddings;
  json["num_attention_heads"] = config.num_attention_heads;
  json["num_hidden_layers"] = config.num_hidden_layers;
  json["pad_token_id"] = config.pad_token_id;
  json["problem_type"] = config.regression ? "regression" : "single_label_classification";
  if (!config.reaugkd.is_null()) json["reaugkd"] = config.reaugkd;
  json["type_vocab_size"] = config.type_vocab_size;
  json["vocab_size"] = config.vocab_size;
  core::write_json(directory / "config.json", json);
}

}  // namespace reaugkd::nn
