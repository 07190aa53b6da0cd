// A task's description.
#include "data/custom_task.h"
#include "fuzz.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  write_quickly(directory / "task.json", bytes);
  reaugkd::data::task_of((directory / "task.json").string());
}
