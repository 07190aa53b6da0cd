// split.json.
#include "data/split.h"
#include "fuzz.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  write_quickly(directory / "split.json", bytes);
  reaugkd::data::load_split(directory);
}
