// Rows of a task: GLUE's TSV, CSV with quotes, JSON lines. The first byte chooses which.
#include "data/custom_task.h"
#include "data/dataset.h"
#include "fuzz.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  using namespace reaugkd;
  if (bytes.empty()) return;
  const char* formats[] = {"tsv", "csv", "jsonl"};
  const auto choice = static_cast<unsigned char>(bytes[0]);
  const data::Task task = choice % 4 == 3 ? data::glue_task("mrpc")
                                          : data::custom_task({{"name", "fuzz"},
                                                               {"format", formats[choice % 4]},
                                                               {"text_a", "a"},
                                                               {"text_b", "b"},
                                                               {"label", "y"},
                                                               {"labels", {"no", "yes"}}},
                                                              "task.json");
  write_quickly(directory / "rows", bytes.substr(1));
  const auto bad_rows = (choice & 4) != 0 ? data::BadRows::kSkip : data::BadRows::kRefuse;
  data::read_dataset(directory / "rows", task, task.train, bad_rows);
}
