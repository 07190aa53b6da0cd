// One line of a file of a teacher's answers: {"row": 3, "embedding": [...], "logits": [...]}.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/task.h"

namespace reaugkd::data {

struct AnswerLine {
  std::optional<std::int64_t> row;  // data row of the training file, or
  std::string id;                   // "digest:row"
  std::vector<float> embedding;     // empty: none
  std::vector<float> logits;        // (C); empty: none
};

/// Reads `line` without a document in between: a file may have a gigabyte of them. Logits and
/// probabilities are a list in the order of the task's labels, or an object by their names, where a
/// class that is absent has the probability 0. Probabilities are turned into logits
/// (data/distribution.h). Throws DataError naming `where`, the key, what was found and expected: no
/// JSON, an unknown key, one that stands there twice, something else than finite numbers, another
/// number of classes, an unknown class, no distribution, neither or both of row and id.
AnswerLine parse_answer_line(std::string_view line, const Task& task, const std::string& where);

}  // namespace reaugkd::data
