// What eval loads: the model, the teacher beside it, the knowledge base, and the rows to score.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/scoring.h"
#include "evaluation/warnings.h"
#include "stages/eval_options.h"

namespace reaugkd::stages {

struct EvalInputs {
  Inherited inherited;            // whose settings and split hold
  std::string model_selected_on;  // empty for a model from elsewhere
  evaluation::Subject student;
  std::optional<evaluation::Subject> teacher;
  std::unique_ptr<evaluation::Retriever> retriever;  // null without --kb
  std::vector<std::int64_t> new_rows;                // of the knowledge base: new to the student
  bool selects_more = false;  // soft labels and a gate too: not in the paper's protocol
  std::vector<retrieval::SoftLabels> soft_labels;  // what the rows may answer, to select from
};

/// Loads them; they become inputs of `run`. Throws ArtifactError where they do not belong together.
EvalInputs load_eval_inputs(const EvalOptions& options, const tensor::Compute& compute,
                            run::RunDirectory& run);

/// What the setting is selected on: --tune-file; or the validation part, and with it a sample of
/// the knowledge base's rows that the student was not trained on.
struct TuningRows {
  data::Dataset rows;
  std::string name;  // "holdout:0.1 and 184 new rows"
};
TuningRows tuning_rows(const EvalOptions& options, const EvalInputs& inputs,
                       run::RunDirectory& run);

/// These rows as the student sees them, which is asked once however often they are needed.
class Tuning {
 public:
  Tuning(const EvalOptions& options, EvalInputs& inputs, run::RunDirectory& run)
      : options_(options), inputs_(inputs), run_(run) {}
  const TuningRows& part();
  const evaluation::Queries& queries();

 private:
  const EvalOptions& options_;
  EvalInputs& inputs_;
  run::RunDirectory& run_;
  std::optional<TuningRows> part_;
  std::optional<evaluation::Queries> queries_;
};

/// What --split auto means: dev, or the holdout where there is no dev file.
std::string split_to_score(const EvalOptions& options, const EvalInputs& inputs);

/// The rows of --split, an input of `run`.
data::Dataset rows_to_score(const EvalOptions& options, const EvalInputs& inputs,
                            run::RunDirectory& run);

/// MNLI's second dev or test set, where it lies beside the first; an input of `run`.
std::optional<data::Dataset> mismatched_rows(const EvalOptions& options, const data::Task& task,
                                             run::RunDirectory& run);

/// Says what is to be said before a row is scored, for the report too.
evaluation::Warnings early_warnings(const EvalInputs& inputs,
                                    const evaluation::SelectedRetrieval& selected);

}  // namespace reaugkd::stages
