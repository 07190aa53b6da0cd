// examples.tsv of a knowledge base with two rows.
#include "fuzz.h"
#include "retrieval/examples_file.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  using reaugkd::base::ExampleId;
  write_quickly(directory / "examples.tsv", bytes);
  reaugkd::retrieval::load_examples({ExampleId{}, ExampleId{}}, directory / "examples.tsv");
}
