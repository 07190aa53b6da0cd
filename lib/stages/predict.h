// predict: answers for rows that have no label, from files or a pipe, as eval has chosen to answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/options.h"
#include "serving/answer_fields.h"

namespace reaugkd::stages {

struct PredictOptions {
  std::string model;
  std::string kb;
  std::string eval;
  bool student_only = false;
  std::vector<std::string> files;
  std::string input_format = "auto";
  std::string text_column, text_pair_column;
  bool no_header = false;
  std::string on_error = "stop";
  std::string output;
  std::string format = "auto";
  bool resume = false;
  bool overwrite = false;
  std::int64_t top_k = 0;
  bool details = false;
  std::int64_t neighbors = 0;
  bool probabilities = false;
  std::optional<double> min_probability;
  std::string unknown_label = "unknown";
  std::string prefix;
  std::optional<std::int64_t> k;
  std::optional<double> beta;
  std::optional<double> tau_retrieval;
  std::int64_t eval_batch_size = 128;
  std::int64_t max_wait = 20;
  std::string device = "auto";
  std::string precision = "auto";
  std::int64_t threads = 0;

  base::OptionList fields();
  /// Throws ConfigError where they contradict one another.
  void check() const;
  /// What is said of each row.
  serving::AnswerDetail detail() const;
};

/// Runs the stage, which writes the answers itself: to --output, or else to standard output. Throws
/// base::Error.
std::string run_predict(PredictOptions options);

}  // namespace reaugkd::stages
