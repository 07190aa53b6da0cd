// build-kb --cross-fit F: what teachers that did not see a row say of it. Each fold's teacher is
// fine-tuned as the teacher was, without that fold, and answers for its rows.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <string>

#include "base/options.h"
#include "evaluation/kb_report.h"
#include "run/run_directory.h"
#include "stages/task_inputs.h"
#include "train/model.h"

namespace reaugkd::stages {

struct CrossFitOptions {
  std::int64_t folds = 0;  // 0: none
  std::string model;       // empty: the one that the teacher began from
  std::string config;      // empty: as the teacher was trained

  void add_fields(base::OptionList& list);
  /// Throws ConfigError where they contradict one another.
  void check() const;
};

/// Logits (n, C) of the rows of data.train, each row's from the teacher of the fold that holds it
/// out; `report` says how the folds went. `projected` is the projected teacher, whose
/// teacher_run.json says how it was trained; `seed` seeds the fold teachers. A stopped run goes on
/// within its fold. Throws ConfigError that names what is missing where the recipe is not known,
/// ArtifactError where the pretrained model is not the one that the teacher began from.
torch::Tensor cross_fitted_logits(const CrossFitOptions& options,
                                  const std::filesystem::path& projected,
                                  const data::TaskData& data, const run::RunOptions& run_options,
                                  const tensor::Compute& compute, std::int64_t eval_batch_size,
                                  run::RunDirectory& run, evaluation::CrossFitReport& report);

/// Removes what the folds have left for a run that goes on: once the knowledge base is written.
void remove_folds(const CrossFitOptions& options, const std::filesystem::path& directory);

}  // namespace reaugkd::stages
