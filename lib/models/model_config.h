// A model directory's config.json: the hyper-parameters under BERT's published names whatever the
// family calls them, the classes of its head, and what our stages pass on to one another.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/task_kind.h"

namespace reaugkd::models {

class Family;

/// In place of config.json where a teacher is known by its outputs alone (distill/given_teacher.h).
inline constexpr const char* kGivenTeacherFile = "teacher.json";

enum class Activation { kGelu, kGeluNew, kRelu, kTanh };

/// How a text's embedding is made of the last layer's states: t_i and s~_i of the paper. kMean and
/// kMax are over the text's tokens, [CLS] and [SEP] among them, for each of the H numbers. kPooler
/// is the state between [CLS] and the classifier: BERT's and ALBERT's pooler; in families without
/// one the dense layer of the classification head with its activation.
enum class Pooling { kCls, kMean, kMax, kPooler };

/// "cls", "mean", "max", "pooler". parse_pooling throws ConfigError on anything else.
std::string to_string(Pooling pooling);
Pooling parse_pooling(const std::string& text);

struct ModelConfig {
  const Family* family = nullptr;  // of the table of families.h
  std::int64_t vocab_size = 30522;
  std::int64_t hidden_size = 768;
  std::int64_t embedding_size = 0;  // of the embedding tables; 0: hidden_size
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t intermediate_size = 3072;
  Activation hidden_act = Activation::kGelu;
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;
  double classifier_dropout = 0.1;  // where config.json says nothing or null: the family's
  std::int64_t max_position_embeddings = 512;
  std::int64_t first_position = 0;   // row of the position table that the first token takes
  std::int64_t type_vocab_size = 2;  // 0: no token types; 1: every token is of type 0
  std::int64_t relative_attention_num_buckets = 0;  // rows of MPNet's bias by distance; 0: none
  double initializer_range = 0.02;
  double layer_norm_eps = 1e-12;
  std::int64_t pad_token_id = 0;

  std::vector<std::string> id2label;  // class names in class order; empty: no head described
  base::TaskKind kind = base::TaskKind::kClassification;  // problem_type
  /// What the checkpoint's classifier is for, where that is not one label or score a text:
  /// "tokens".
  std::string other_classifier;
  std::string told_from;  // what told the family, where config.json has no model_type; for the log
  base::Json reaugkd;     // what our stages pass on (docs/reference/files.md); null elsewhere
  base::Json published;   // config.json but for what is null in it, for keys of one family alone

  std::int64_t num_labels() const { return static_cast<std::int64_t>(id2label.size()); }
  std::int64_t embedding_width() const { return embedding_size > 0 ? embedding_size : hidden_size; }
  /// The longest text in tokens.
  std::int64_t max_tokens() const { return max_position_embeddings - first_position; }
};

/// Reads directory/config.json. A key that is null counts as absent. Where there is no model_type,
/// `architectures` or the names of the tensors tell the family. Throws ArtifactError on a family we
/// do not know (lists what is supported), a missing key, an activation or a position_embedding_type
/// we do not have, sizes that are not positive or not divisible by the heads, a directory that is a
/// given teacher.
ModelConfig load_config(const std::filesystem::path& directory);

/// Writes directory/config.json as the family's ...ForSequenceClassification. Throws IoError.
void save_config(const ModelConfig& config, const std::filesystem::path& directory);

}  // namespace reaugkd::models
