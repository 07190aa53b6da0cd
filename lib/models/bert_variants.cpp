#include "models/bert_variants.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "models/config_keys.h"

namespace reaugkd::models {
namespace {

using FixedKey = std::pair<const char*, int>;

constexpr std::array<const char*, 1> kBertIgnored = {"cls."};

constexpr std::array<Spelling, 11> kDistilBertTensors = {{
    {"pre_classifier", "bert.pooler.dense"},
    {"distilbert.transformer.layer.*.attention.q_lin", "bert.encoder.layer.*.attention.self.query"},
    {"distilbert.transformer.layer.*.attention.k_lin", "bert.encoder.layer.*.attention.self.key"},
    {"distilbert.transformer.layer.*.attention.v_lin", "bert.encoder.layer.*.attention.self.value"},
    {"distilbert.transformer.layer.*.attention.out_lin",
     "bert.encoder.layer.*.attention.output.dense"},
    {"distilbert.transformer.layer.*.sa_layer_norm",
     "bert.encoder.layer.*.attention.output.LayerNorm"},
    {"distilbert.transformer.layer.*.ffn.lin1", "bert.encoder.layer.*.intermediate.dense"},
    {"distilbert.transformer.layer.*.ffn.lin2", "bert.encoder.layer.*.output.dense"},
    {"distilbert.transformer.layer.*.output_layer_norm", "bert.encoder.layer.*.output.LayerNorm"},
    {"distilbert.embeddings", "bert.embeddings"},
    {"classifier", "classifier"},
}};
constexpr std::array<const char*, 3> kDistilBertIgnored = {"vocab_transform.", "vocab_layer_norm.",
                                                           "vocab_projector."};
constexpr std::array<Spelling, 10> kDistilBertKeys = {
    {{"dim", "hidden_size"},
     {"n_layers", "num_hidden_layers"},
     {"n_heads", "num_attention_heads"},
     {"hidden_dim", "intermediate_size"},
     {"activation", "hidden_act"},
     {"dropout", "hidden_dropout_prob"},
     {"attention_dropout", "attention_probs_dropout_prob"},
     {"seq_classif_dropout", "classifier_dropout"},
     {"", "type_vocab_size"},
     {"", "layer_norm_eps"}}};

// RoBERTa's and ELECTRA's classifiers are two layers; theirs is what BERT calls pooler.
constexpr std::array<Spelling, 3> kRobertaTensors = {{{"classifier.dense", "bert.pooler.dense"},
                                                      {"classifier.out_proj", "classifier"},
                                                      {"roberta", "bert"}}};
constexpr std::array<const char*, 2> kRobertaIgnored = {"lm_head.", "roberta.pooler."};

constexpr std::array<Spelling, 3> kElectraTensors = {{{"classifier.dense", "bert.pooler.dense"},
                                                      {"classifier.out_proj", "classifier"},
                                                      {"electra", "bert"}}};
constexpr std::array<const char*, 3> kElectraIgnored = {
    "discriminator_predictions.", "generator_predictions.", "generator_lm_head."};

constexpr std::array<Spelling, 8> kMpnetTensors = {{
    {"classifier.dense", "bert.pooler.dense"},
    {"classifier.out_proj", "classifier"},
    {"mpnet.encoder.layer.*.attention.attn.q", "bert.encoder.layer.*.attention.self.query"},
    {"mpnet.encoder.layer.*.attention.attn.k", "bert.encoder.layer.*.attention.self.key"},
    {"mpnet.encoder.layer.*.attention.attn.v", "bert.encoder.layer.*.attention.self.value"},
    {"mpnet.encoder.layer.*.attention.attn.o", "bert.encoder.layer.*.attention.output.dense"},
    {"mpnet.encoder.layer.*.attention.LayerNorm",
     "bert.encoder.layer.*.attention.output.LayerNorm"},
    {"mpnet", "bert"},
}};
constexpr std::array<const char*, 2> kMpnetIgnored = {"lm_head.", "mpnet.pooler."};
constexpr std::array<Spelling, 2> kMpnetKeys = {
    {{"", "type_vocab_size"}, {"", "classifier_dropout"}}};  // its hidden_dropout_prob

#define REAUGKD_ALBERT_LAYER "albert.encoder.albert_layer_groups.0.albert_layers.0."
constexpr std::array<Spelling, 12> kAlbertTensors = {{
    {REAUGKD_ALBERT_LAYER "attention.query", "bert.encoder.layer.0.attention.self.query"},
    {REAUGKD_ALBERT_LAYER "attention.key", "bert.encoder.layer.0.attention.self.key"},
    {REAUGKD_ALBERT_LAYER "attention.value", "bert.encoder.layer.0.attention.self.value"},
    {REAUGKD_ALBERT_LAYER "attention.dense", "bert.encoder.layer.0.attention.output.dense"},
    {REAUGKD_ALBERT_LAYER "attention.LayerNorm", "bert.encoder.layer.0.attention.output.LayerNorm"},
    {REAUGKD_ALBERT_LAYER "ffn", "bert.encoder.layer.0.intermediate.dense"},
    {REAUGKD_ALBERT_LAYER "ffn_output", "bert.encoder.layer.0.output.dense"},
    {REAUGKD_ALBERT_LAYER "full_layer_layer_norm", "bert.encoder.layer.0.output.LayerNorm"},
    {"albert.encoder.embedding_hidden_mapping_in", "bert.embeddings_project"},
    {"albert.embeddings", "bert.embeddings"},
    {"albert.pooler", "bert.pooler.dense"},
    {"classifier", "classifier"},
}};
#undef REAUGKD_ALBERT_LAYER
constexpr std::array<const char*, 2> kAlbertIgnored = {"predictions.", "sop_classifier."};
constexpr std::array<Spelling, 1> kAlbertKeys = {
    {{"classifier_dropout_prob", "classifier_dropout"}}};
constexpr std::array<FixedKey, 2> kAlbertFixed = {
    {{"num_hidden_groups", 1}, {"inner_group_num", 1}}};

constexpr BertVariant kBert = {.model_type = "bert",
                               .architecture = "BertForSequenceClassification",
                               .prefix = "bert.",
                               .tensors = {},
                               .ignored = kBertIgnored,
                               .config_keys = {},
                               .fixed_keys = {},
                               .head_activation = Activation::kTanh};

constexpr BertVariant kDistilBert = {.model_type = "distilbert",
                                     .architecture = "DistilBertForSequenceClassification",
                                     .prefix = "distilbert.",
                                     .tensors = kDistilBertTensors,
                                     .ignored = kDistilBertIgnored,
                                     .config_keys = kDistilBertKeys,
                                     .fixed_keys = {},
                                     .head_activation = Activation::kRelu,
                                     .attention_output_dropout = false,
                                     .classifier_dropout = 0.2};

constexpr BertVariant roberta(const char* model_type, const char* architecture) {
  return {.model_type = model_type,
          .architecture = architecture,
          .prefix = "roberta.",
          .tensors = kRobertaTensors,
          .ignored = kRobertaIgnored,
          .config_keys = {},
          .fixed_keys = {},
          .head_activation = Activation::kTanh,
          .dropout_before_head = true,
          .positions_follow_padding = true,
          .pad_token_id = 1};
}

constexpr BertVariant kElectra = {.model_type = "electra",
                                  .architecture = "ElectraForSequenceClassification",
                                  .prefix = "electra.",
                                  .tensors = kElectraTensors,
                                  .ignored = kElectraIgnored,
                                  .config_keys = {},
                                  .fixed_keys = {},
                                  .head_activation = Activation::kGelu,
                                  .dropout_before_head = true,
                                  .factorised_embeddings = true};

constexpr BertVariant kAlbert = {.model_type = "albert",
                                 .architecture = "AlbertForSequenceClassification",
                                 .prefix = "albert.",
                                 .tensors = kAlbertTensors,
                                 .ignored = kAlbertIgnored,
                                 .config_keys = kAlbertKeys,
                                 .fixed_keys = kAlbertFixed,
                                 .head_activation = Activation::kTanh,
                                 .ffn_output_dropout = false,
                                 .factorised_embeddings = true,
                                 .projection_of_equal_size = true,
                                 .shared_layers = true,
                                 .classifier_dropout = 0.1};

constexpr BertVariant kMpnet = {.model_type = "mpnet",
                                .architecture = "MPNetForSequenceClassification",
                                .prefix = "mpnet.",
                                .tensors = kMpnetTensors,
                                .ignored = kMpnetIgnored,
                                .config_keys = kMpnetKeys,
                                .fixed_keys = {},
                                .head_activation = Activation::kTanh,
                                .dropout_before_head = true,
                                .first_position = 2,
                                .relative_attention_bias = true,
                                .pad_token_id = 1};

constexpr std::array<BertVariant, 7> kVariants = {
    kBert,
    kDistilBert,
    roberta("roberta", "RobertaForSequenceClassification"),
    roberta("xlm-roberta", "XLMRobertaForSequenceClassification"),
    kElectra,
    kAlbert,
    kMpnet};

// What an encoder's tensors begin with where the checkpoint is of the encoder alone.
constexpr std::array<const char*, 5> kBareRoots = {"embeddings.", "embeddings_project.", "encoder.",
                                                   "transformer.", "pooler."};

/// `name` with the beginning that fits `pattern` replaced by `replacement`; none where the name
/// does not begin so. A '*' of the pattern takes digits, which the replacement's '*' becomes.
std::optional<std::string> respelled(const std::string& name, const std::string& pattern,
                                     std::string replacement) {
  std::size_t at = 0;
  std::string number;
  for (const char c : pattern) {
    if (c == '*') {
      while (at < name.size() && std::isdigit(static_cast<unsigned char>(name[at])) != 0) {
        number += name[at++];
      }
      if (number.empty()) return std::nullopt;
    } else if (at < name.size() && name[at] == c) {
      ++at;
    } else {
      return std::nullopt;
    }
  }
  if (at < name.size() && name[at] != '.') return std::nullopt;
  const std::size_t star = replacement.find('*');
  if (star != std::string::npos) replacement.replace(star, 1, number);
  return replacement + name.substr(at);
}

bool begins_with_any(const std::string& name, std::span<const char* const> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const char* beginning) { return name.starts_with(beginning); });
}

}  // namespace

std::string BertVariant::config_key(const std::string& ours) const {
  for (const auto& key : config_keys) {
    if (ours == key.ours) return key.published;
  }
  return ours;
}

std::string BertVariant::our_name(std::string published) const {
  if (!published.starts_with(prefix) && begins_with_any(published, kBareRoots)) {
    published = prefix + published;
  }
  if (begins_with_any(published, ignored) || published.ends_with("position_ids")) return "";
  published = with_norm_names(published);
  for (const auto& tensor : tensors) {
    if (auto ours = respelled(published, tensor.published, tensor.ours)) return *ours;
  }
  return published;
}

std::string BertVariant::published_name(const std::string& ours) const {
  for (const auto& tensor : tensors) {
    if (auto published = respelled(ours, tensor.ours, tensor.published)) return *published;
  }
  return ours;
}

std::span<const BertVariant> bert_variants() {
  return kVariants;
}

}  // namespace reaugkd::models
