// The loop of predict: a window of rows in, their answers out, until there are no more.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "serving/answer_fields.h"
#include "serving/answers.h"
#include "serving/output.h"
#include "serving/row_stream.h"
#include "serving/row_writer.h"

namespace reaugkd::serving {

struct AnsweringOptions {
  AnswerFormat format = AnswerFormat::kJsonl;
  AnswerDetail detail;
  std::size_t window = 1024;  // rows that are grouped by length and held at once
  std::chrono::milliseconds most_wait{20};
  std::function<void(std::int64_t rows)> progress = {};  // after each window: rows so far
};

/// What became of the rows of this run.
struct Answered {
  std::int64_t rows = 0;
  std::int64_t errors = 0;     // rows that could not be answered
  std::int64_t truncated = 0;  // texts that were cut
  std::int64_t unknown = 0;    // below the threshold
};

/// Answers the rows of each reader in turn. All have the same columns where the format has. Rows
/// that an earlier run has written are read and left out. Throws as its parts do.
Answered answer_rows(std::vector<RowStream>& readers, Answerer& answerer,
                     const AnsweringOptions& options, Output& output);

}  // namespace reaugkd::serving
