// The files that eval writes for each scored file: predictions, submissions, pictures' tables,
// explanations, latency.
#pragma once

#include <string>

#include "stages/eval_inputs.h"

namespace reaugkd::stages {

inline constexpr const char* kExplainFile = "explain.txt";

/// Scores files of one evaluation and writes what belongs to them into the run's directory.
struct FileScorer {
  const EvalOptions& options;
  EvalInputs& inputs;
  const evaluation::RetrievalParts* retrieval;  // null without --kb
  const run::RunDirectory& run;

  /// Writes predictions.tsv and what belongs to it, `suffix` behind the names, and of the test
  /// split `submission` too, where it has a name.
  evaluation::ScoredFile score(const data::Dataset& rows, const std::string& suffix,
                               const std::string& submission) const;
  /// embeddings.tsv, sweep.tsv and explain.txt where they are asked for. Returns the explanation.
  std::string write_pictures(const data::Dataset& rows, const evaluation::ScoredFile& scored) const;
  /// Writes latency.tsv.
  evaluation::Latency measure(const data::Dataset& rows) const;
};

}  // namespace reaugkd::stages
