// The tensors of a checkpoint, of model.safetensors or of shards, under our names, and the heads of
// other tasks that it has beside them. Read by model_directory.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "models/model_config.h"
#include "tensor/safetensors.h"

namespace reaugkd::models {

inline constexpr const char* kWeightsFile = "model.safetensors";
inline constexpr const char* kShardIndexFile = "model.safetensors.index.json";

struct CheckpointTensors {
  tensor::TensorMap weights;  // under our names
  /// What is left out, under published names, by what it is for: {"masked words", {"cls. ...",
  /// ...}}.
  std::map<std::string, std::vector<std::string>> other_heads;
  bool other_classifier = false;  // one of these is the classifier, which is for no text's label
};

/// model.safetensors of the directory, or the shards' index. Throws ArtifactError where there is
/// neither.
std::filesystem::path weights_path(const std::filesystem::path& directory);

/// The tensors in `path`, which weights_path() gave, of the wanted layers (empty: all), renamed to
/// 0, 1, ... Names that the family does not know stay as they are. Throws IoError, ArtifactError
/// where a shard is not there or two tensors stand for one.
CheckpointTensors read_tensors(const std::filesystem::path& path, const ModelConfig& config,
                               const std::vector<std::int64_t>& layers);

/// Takes the classifier out of `tensors`, as one for `purpose`. Does nothing where there is none.
void leave_out_classifier(CheckpointTensors& tensors, const Family& family,
                          const std::string& purpose);

/// "masked words, next sentences": what the heads that are left out are for.
std::string purposes(const CheckpointTensors& tensors);

/// The part of the head that depends on the number of classes.
bool is_output(const std::string& ours);

}  // namespace reaugkd::models
