// model.safetensors.index.json.
#include "models/shard_index.h"
#include "fuzz.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  write_quickly(directory / "index.json", bytes);
  for (const auto& [file, tensors] : reaugkd::models::read_shard_index(directory / "index.json")) {
    if (file.find('/') != std::string::npos || tensors.empty()) std::abort();
  }
}
