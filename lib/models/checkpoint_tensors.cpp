#include "models/checkpoint_tensors.h"

#include "base/error.h"
#include "models/family.h"
#include "models/other_heads.h"
#include "models/shard_index.h"

namespace reaugkd::models {
namespace {

namespace fs = std::filesystem;
using base::ArtifactError;

/// Renames encoder layer layers[i] to i and drops the others. Other keys stay.
std::string picked_key(const std::string& key, const std::string& prefix,
                       const std::vector<std::int64_t>& layers) {
  if (layers.empty() || !key.starts_with(prefix)) return key;
  const std::size_t begin = prefix.size();
  const std::size_t end = key.find('.', begin);
  const std::string number = key.substr(begin, end - begin);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (number == std::to_string(layers[i])) {
      return prefix + std::to_string(i) + key.substr(end);
    }
  }
  return "";
}

[[noreturn]] void refuse_without_weights(const fs::path& directory) {
  if (fs::exists(directory / "pytorch_model.bin") ||
      fs::exists(directory / "pytorch_model.bin.index.json")) {
    throw ArtifactError(
        "{}: there is a pytorch_model.bin but no model.safetensors, and only safetensors are read; "
        "run data/convert_checkpoint.py {} of the source tree (it needs Python's torch)",
        directory.string(), directory.string());
  }
  throw ArtifactError(
      "{}: is missing; a model directory holds config.json, model.safetensors (or its shards and "
      "{}) and a vocabulary (random weights only with `init` random)",
      (directory / kWeightsFile).string(), kShardIndexFile);
}

/// All shards' tensors in one map.
tensor::TensorMap load_shards(const fs::path& directory) {
  const fs::path index = directory / kShardIndexFile;
  const auto shards = read_shard_index(index);
  std::vector<std::string> absent;
  for (const auto& [file, names] : shards) {
    if (!fs::exists(directory / file)) absent.push_back(file);
  }
  if (!absent.empty()) {
    throw ArtifactError("{}: {} of the {} shards it names are not beside it: {}; copy them there",
                        index.string(), absent.size(), shards.size(), fmt::join(absent, ", "));
  }
  tensor::TensorMap weights;
  for (const auto& [file, names] : shards) {
    auto shard = tensor::load_safetensors(directory / file);
    for (const auto& name : names) {
      if (shard.count(name) == 0) {
        throw ArtifactError("{}: the tensor {} is to be in {}, which does not hold it",
                            index.string(), name, file);
      }
    }
    weights.merge(shard);
  }
  return weights;
}

/// Of the classifier's names: RoBERTa's head for tokens has one where that for texts has two.
bool of_other_classifier(const Family& family, const std::string& published,
                         const std::string& ours) {
  return is_output(ours) && family.published_name(ours) != published;
}

}  // namespace

bool is_output(const std::string& ours) {
  return ours.starts_with("classifier.");
}

fs::path weights_path(const fs::path& directory) {
  for (const char* name : {kWeightsFile, kShardIndexFile}) {
    if (fs::exists(directory / name)) return directory / name;
  }
  refuse_without_weights(directory);
}

CheckpointTensors read_tensors(const fs::path& path, const ModelConfig& config,
                               const std::vector<std::int64_t>& layers) {
  const Family& family = *config.family;
  const bool whole = path.filename() == kWeightsFile;
  CheckpointTensors tensors;
  for (const auto& [key, value] :
       whole ? tensor::load_safetensors(path) : load_shards(path.parent_path())) {
    std::string ours = is_other_head(key) ? "" : family.our_name(key);
    if (ours.empty()) {
      if (const auto purpose = head_purpose(key); !purpose.empty()) {
        tensors.other_heads[purpose].push_back(key);
      }
      continue;
    }
    if (of_other_classifier(family, key, ours)) {
      tensors.other_heads[config.other_classifier.empty() ? "tokens" : config.other_classifier]
          .push_back(key);
      tensors.other_classifier = true;
      continue;
    }
    if (!family.shares_layers()) ours = picked_key(ours, family.layer_prefix(), layers);
    if (ours.empty()) continue;
    if (!tensors.weights.emplace(ours, value).second) {
      throw ArtifactError("{}: two tensors stand for {}", path.string(),
                          family.published_name(ours));
    }
  }
  if (!config.other_classifier.empty()) {
    leave_out_classifier(tensors, family, config.other_classifier);
  }
  return tensors;
}

void leave_out_classifier(CheckpointTensors& tensors, const Family& family,
                          const std::string& purpose) {
  for (auto item = tensors.weights.begin(); item != tensors.weights.end();) {
    if (!is_output(item->first)) {
      ++item;
      continue;
    }
    tensors.other_heads[purpose].push_back(family.published_name(item->first));
    tensors.other_classifier = true;
    item = tensors.weights.erase(item);
  }
}

std::string purposes(const CheckpointTensors& tensors) {
  std::vector<std::string> names;
  for (const auto& head : tensors.other_heads) names.push_back(head.first);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace reaugkd::models
