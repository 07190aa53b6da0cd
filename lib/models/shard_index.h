// model.safetensors.index.json: which file holds which tensor of a checkpoint in shards. Without
// LibTorch, for tests/fuzz; used by checkpoint.cpp.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

namespace reaugkd::models {

/// The files that the index names, which lie beside it, each with the tensors it is to hold. Throws
/// IoError, ArtifactError.
std::map<std::string, std::set<std::string>> read_shard_index(const std::filesystem::path& path);

}  // namespace reaugkd::models
