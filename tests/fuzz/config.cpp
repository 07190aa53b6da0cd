// A model's config.json.
#include "fuzz.h"
#include "nn/bert_config.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  write_quickly(directory / "config.json", bytes);
  reaugkd::nn::load_config(directory);
}
