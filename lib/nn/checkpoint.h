// Model directories in the published Hugging Face layout: config.json and model.safetensors into a
// BertForSequenceClassification and back. Used by every stage that loads or writes a model.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nn/bert.h"
#include "nn/bert_config.h"

namespace reaugkd::nn {

struct LoadOptions {
  bool random_init = false;               // draw every weight; model.safetensors is not looked at
  bool head_may_be_missing = false;       // draw pooler and classifier where the file lacks them
  std::vector<std::int64_t> layers = {};  // encoder layers to take, in this order; empty: all
  std::uint64_t seed = 0;                 // of what is drawn, from N(0, initializer_range)
};

struct LoadedModel {
  BertConfig config;  // num_hidden_layers is what was taken
  BertForSequenceClassification model{nullptr};
  std::vector<std::string> initialised;  // parameters that were drawn, for the log
};

/// Loads model.safetensors of `directory` (F32, F16 or BF16, bare or `bert.`-prefixed keys) into a
/// classifier of `config`, fp32, on the CPU, in eval mode. cls.* and position_ids are ignored.
/// Throws IoError, or ArtifactError listing every tensor that is missing, extra or wrongly shaped;
/// ConfigError for a layer that the checkpoint does not have.
LoadedModel load_classifier(const std::filesystem::path& directory, BertConfig config,
                            const LoadOptions& options);

/// Writes config.json and model.safetensors (fp32, `bert.`-prefixed). Throws IoError.
void save_classifier(const BertForSequenceClassification& model, const BertConfig& config,
                     const std::filesystem::path& directory);

}  // namespace reaugkd::nn
