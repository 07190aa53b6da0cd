// The published models that share BERT's encoder: how each spells the names of our parameters and
// of our config keys, and the few switches in which they differ. Read by bert_family and bert.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "models/model_config.h"

namespace reaugkd::models {

/// One name as it is published and as we have it. In names of tensors '*' is a layer's number and
/// the name stands for all that it begins ("bert" for "bert.pooler.dense.weight").
struct Spelling {
  const char* published;
  const char* ours;
};

/// MPNet's buckets of distances, as transformers counts them whatever the table's size.
constexpr std::int64_t kMpnetBuckets = 32;

struct BertVariant {
  const char* model_type;    // config.json's model_type
  const char* architecture;  // the class of Python's transformers
  const char* prefix;        // what published encoder tensors begin with; bare ones lack it
  std::span<const Spelling> tensors;      // the first that fits counts, in either direction
  std::span<const char* const> ignored;   // beginnings of tensors that we have no use for
  std::span<const Spelling> config_keys;  // keys spelled unlike BERT's; "": there is no such key
  std::span<const std::pair<const char*, int>> fixed_keys;  // keys of which we have one value only
  Activation head_activation;             // of the dense layer between [CLS] and the classifier
  bool dropout_before_head = false;       // a dropout in front of that dense layer too
  bool attention_output_dropout = true;   // after the dense layer that ends the attention
  bool ffn_output_dropout = true;         // after the dense layer that ends the layer
  bool positions_follow_padding = false;  // the first token is at position pad_token_id + 1
  int first_position = 0;                 // above 0: the first token is there, whatever pads
  bool relative_attention_bias = false;   // MPNet's: added to scores by the tokens' distance
  bool factorised_embeddings = false;     // config.json has embedding_size
  bool projection_of_equal_size = false;  // embeddings_project also where it is hidden_size
  bool shared_layers = false;             // one layer, applied num_hidden_layers times
  double layer_norm_eps = 1e-12;          // where config.json says nothing
  double classifier_dropout = -1;         // the same; below 0: hidden_dropout_prob
  int pad_token_id = 0;                   // the same

  /// The published spelling of a config key of ours; empty where the family has none.
  std::string config_key(const std::string& ours) const;
  /// Our name of a checkpoint's tensor; empty for what we have no use for. Bare names (without
  /// `prefix`) and the older gamma and beta of LayerNorm are understood; a name that the family
  /// does not have comes back as it is.
  std::string our_name(std::string published) const;
  /// The inverse: what save_classifier writes.
  std::string published_name(const std::string& ours) const;
};

/// Every variant, BERT first.
std::span<const BertVariant> bert_variants();

}  // namespace reaugkd::models
