// A teacher's answers as JSON lines, for a task of classes or (by the first byte) of scores.
#include "data/answer_file.h"

#include <cstdlib>

#include "fuzz.h"

namespace data = reaugkd::data;

void read(const std::string& bytes, const std::filesystem::path& directory) {
  if (bytes.empty()) return;
  data::Task task;
  task.name = "fuzz";
  if (bytes[0] % 2 == 0) task.labels = {"bad", "good"};
  const auto path = directory / "answers.jsonl";
  write_quickly(path, bytes.substr(1));
  const auto answers = data::read_answer_file(path, task, {{"train.tsv", 1, 100}});
  const auto n = answers.ids.size();
  if (answers.embeddings.size() != n * static_cast<std::size_t>(answers.width) ||
      answers.logits.size() != n * static_cast<std::size_t>(answers.classes)) {
    std::abort();
  }
}
