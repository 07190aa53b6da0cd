#include "models/shard_index.h"

#include "base/error.h"
#include "base/json.h"

namespace reaugkd::models {

namespace fs = std::filesystem;
using base::ArtifactError;

std::map<std::string, std::set<std::string>> read_shard_index(const fs::path& path) {
  const auto index = base::read_json(path);
  const auto map = base::json_at<base::Json>(index, "weight_map", path.string());
  if (!map.is_object()) {
    throw ArtifactError("{}: weight_map is {}, expected an object of tensor to file", path.string(),
                        map.type_name());
  }
  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [tensor, file] : map.items()) {
    const auto name = base::json_at<std::string>(map, tensor, path.string() + ": weight_map");
    if (fs::path(name).filename() != name) {
      throw ArtifactError("{}: weight_map: \"{}\" is not the name of a file beside it",
                          path.string(), name);
    }
    shards[name].insert(tensor);
  }
  return shards;
}

}  // namespace reaugkd::models
