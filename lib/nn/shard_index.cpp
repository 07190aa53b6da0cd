#include "nn/shard_index.h"

#include "core/error.h"
#include "core/json.h"

namespace reaugkd::nn {

namespace fs = std::filesystem;
using core::ArtifactError;

std::map<std::string, std::set<std::string>> read_shard_index(const fs::path& path) {
  const auto index = core::read_json(path);
  const auto map = core::json_at<core::Json>(index, "weight_map", path.string());
  if (!map.is_object()) {
    throw ArtifactError("{}: weight_map is {}, expected an object of tensor to file", path.string(),
                        map.type_name());
  }
  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [tensor, file] : map.items()) {
    const auto name = core::json_at<std::string>(map, tensor, path.string() + ": weight_map");
    if (fs::path(name).filename() != name) {
      throw ArtifactError("{}: weight_map: \"{}\" is not the name of a file beside it",
                          path.string(), name);
    }
    shards[name].insert(tensor);
  }
  return shards;
}

}  // namespace reaugkd::nn
