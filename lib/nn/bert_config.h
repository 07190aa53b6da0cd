// A model directory's config.json: BERT's hyper-parameters under their published names, the classes
// of its head, and what our stages pass on to one another.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"

namespace reaugkd::nn {

enum class Activation { kGelu, kGeluNew, kRelu };

/// Which state of the last layer stands for the text: t_i and s~_i of the paper.
enum class Embedding { kCls, kMean, kPooler };

/// "cls", "mean", "pooler". parse_embedding throws ConfigError on anything else.
std::string to_string(Embedding embedding);
Embedding parse_embedding(const std::string& text);

struct BertConfig {
  std::int64_t vocab_size = 30522;
  std::int64_t hidden_size = 768;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t intermediate_size = 3072;
  Activation hidden_act = Activation::kGelu;
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;
  double classifier_dropout = 0.1;  // hidden_dropout_prob where config.json says nothing or null
  std::int64_t max_position_embeddings = 512;
  std::int64_t type_vocab_size = 2;
  double initializer_range = 0.02;
  double layer_norm_eps = 1e-12;
  std::int64_t pad_token_id = 0;

  std::vector<std::string> id2label;  // class names in class order; empty: no head described
  bool regression = false;            // problem_type
  core::Json reaugkd;                 // what our stages pass on (docs/formats.md); null elsewhere

  std::int64_t num_labels() const { return static_cast<std::int64_t>(id2label.size()); }
};

/// Reads directory/config.json. Throws ArtifactError on a model_type other than bert (lists what is
/// supported), a missing key, an activation or a position_embedding_type we do not have, sizes that
/// are not positive or not divisible by the heads.
BertConfig load_config(const std::filesystem::path& directory);

/// Writes directory/config.json as BertForSequenceClassification. Throws IoError.
void save_config(const BertConfig& config, const std::filesystem::path& directory);

}  // namespace reaugkd::nn
