// run.json as the record of the directory it lies in.
#include "run/run_record.h"
#include "fuzz.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  write_quickly(directory / "run.json", bytes);
  const auto record = reaugkd::run::run_record(directory);
  if (!record || !record->options.is_object() || !record->outputs.is_object()) std::abort();
}
