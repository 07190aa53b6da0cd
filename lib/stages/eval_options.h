// Options of eval.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/options.h"
#include "evaluation/setting_selection.h"
#include "retrieval/selection.h"
#include "run/run_directory.h"
#include "stages/task_inputs.h"

namespace reaugkd::stages {

struct EvalOptions {
  std::string model;
  std::string kb;
  std::string teacher;
  std::string split = "auto";
  DataOptions data;
  std::optional<std::int64_t> k;
  std::optional<double> beta;
  std::optional<double> tau_retrieval;
  std::vector<std::int64_t> grid_k = retrieval::RetrievalGrid{}.k;
  std::vector<double> grid_beta = retrieval::RetrievalGrid{}.beta;
  std::vector<double> grid_tau = retrieval::RetrievalGrid{}.tau;
  std::string select_by = "loss";
  std::string beta_mode = "auto";
  std::vector<double> grid_slope = {-4, -2, -1, -0.5, 0, 0.5, 1, 2, 4};
  double kb_temperature = 1;
  std::vector<double> grid_kb_temperature = {};
  std::string soft_labels = "auto";
  std::optional<double> label_weight;
  std::optional<double> class_balance;
  std::string tune_file;
  std::string index = "auto";
  std::optional<std::int64_t> ef_search;
  std::vector<std::int64_t> grid_ef_search = {};
  double kb_rows = 1;
  bool exclude_same_text = false;
  std::optional<double> target_precision;
  std::int64_t explain = 0;
  bool sweep = false;
  bool embedding_map = false;
  std::int64_t eval_batch_size = 128;
  std::int64_t latency_examples = 200;
  run::RunOptions run;

  base::OptionList fields();
  /// What is selected from: the grids, with what flags fix reduced to one value. Some choices
  /// depend on whether the knowledge base has rows that are new to the student.
  retrieval::RetrievalGrid grid(bool selects_more) const;
  std::vector<retrieval::AnswerRule> answer_rules(bool selects_more) const;
  /// Whether flags leave one value of each.
  bool nothing_to_select(bool selects_more) const;
  evaluation::SelectionOptions selection(bool selects_more) const;
  /// Throws ConfigError where they make no sense without a knowledge base, or contradict one
  /// another.
  void check() const;
};

}  // namespace reaugkd::stages
