// A model's config.json.
#include "fuzz.h"
#include "models/model_config.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  write_quickly(directory / "config.json", bytes);
  reaugkd::models::load_config(directory);
}
