// Model directories in the published Hugging Face layout: config.json and model.safetensors (whole
// or in shards) into a Classifier and back, under the names of its family. Used
// by every stage that loads or writes a model.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "models/model_config.h"

namespace reaugkd::models {

struct LoadOptions {
  bool random_init = false;               // draw every weight; model.safetensors is not looked at
  bool head_may_be_missing = false;       // draw pooler and classifier where the file lacks them
  std::vector<std::int64_t> layers = {};  // encoder layers to take, in this order; empty: all
  std::uint64_t seed = 0;                 // of what is drawn, from N(0, initializer_range)
  bool query_head = false;                // take query.safetensors too, where it is there
};

struct LoadedModel {
  ModelConfig config;  // num_hidden_layers is what was taken
  Classifier model{nullptr};
  std::vector<std::string> initialised;  // parameters that were drawn, for the log
  std::vector<std::string> zeroed;  // token types that the checkpoint lacks: zeros, for the log
};

/// Loads `directory`'s model.safetensors, or the shards that model.safetensors.index.json names
/// (F32, F16 or BF16, keys with the family's prefix or bare), into a classifier of `config`, fp32,
/// on the CPU, in eval mode. position_ids are ignored, and so are heads for other tasks than ours
/// (masked words, question answering), which a line of the log names.
/// Where the head may be missing, one of another shape or for another task counts as missing.
/// Throws IoError, or ArtifactError listing every other tensor that is missing, extra or wrongly
/// shaped, or the shards that are not there; ConfigError for a layer that the checkpoint does not
/// have.
LoadedModel load_classifier(const std::filesystem::path& directory, ModelConfig config,
                            const LoadOptions& options);

/// Writes config.json and model.safetensors (fp32, the family's published names), and with a query
/// head query.safetensors. Throws IoError.
void save_classifier(const Classifier& model, const ModelConfig& config,
                     const std::filesystem::path& directory);

/// The files of `directory` that hold weights: model.safetensors, or the shards' index and the
/// shards. Throws ArtifactError where there are none.
std::vector<std::string> weight_files(const std::filesystem::path& directory);

/// sha256 of the weights: that of model.safetensors, of shards that of all their digests.
std::string digest_of_weights(const std::filesystem::path& directory);

/// What tells the queries of one model from another's: the digest of its weights, and with a query
/// head the sha256 of both digests.
std::string digest_of_queries(const std::filesystem::path& directory);

}  // namespace reaugkd::models
