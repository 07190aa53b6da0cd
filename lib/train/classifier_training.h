// Trains a classifier with train::fit: what teacher-finetune, distill and the folds of cross-fit do
// alike. Each brings its objective; batches and validation are here.
#pragma once

#include <filesystem>
#include <string>

#include "train/classifier_objective.h"
#include "train/fit.h"

namespace reaugkd::train {

/// Where a training writes: its log, and the state it can go on from.
struct TrainingFiles {
  std::filesystem::path log;
  run::CheckpointPlace checkpoint;
};

/// The run's own files: train_log.jsonl and its checkpoint.
TrainingFiles files_of(const run::RunDirectory& run);

/// Fits `objective`, which trains `student` on data.train, validates the student alone on
/// data.validation and keeps the best. Equal arguments give equal parameters. The student is then
/// on the CPU. `what` is for the progress line.
FitResult train_classifier(const std::string& what, const ModelOnData& student,
                           Objective& objective, const data::TaskData& data,
                           const TrainingOptions& options, std::uint64_t seed,
                           const TrainingFiles& files);

}  // namespace reaugkd::train
