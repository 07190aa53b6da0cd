// Trains a classifier with train::fit: what teacher-finetune and distill do alike. Each brings its
// step; batches, validation by the student or teacher alone, and the summary are here.
#pragma once

#include <filesystem>
#include <string>

#include "stages/row_classifier.h"

namespace reaugkd::stages {

/// Where a training writes: its log, and the state it can go on from.
struct TrainingFiles {
  std::filesystem::path log;
  train::CheckpointOptions checkpoint;
};

/// Fits `step`, which trains `student` on data.train, validates the student alone on
/// data.validation, keeps the best; returns metrics.json's content. Equal arguments give equal
/// parameters. The student is then on the CPU.
core::Json train_classifier(const std::string& what, const RowClassifier& student,
                            train::Step& step, const TaskData& data, const TrainingOptions& options,
                            std::uint64_t seed, const TrainingFiles& files);
/// The same with the run's own files: train_log.jsonl and its checkpoint.
core::Json train_classifier(const std::string& what, const RowClassifier& student,
                            train::Step& step, const TaskData& data, const TrainingOptions& options,
                            std::uint64_t seed, const StageRun& run);

/// The same for people: what was reached, how fast, and which command is next.
std::string training_summary(const std::string& what, const core::Json& metrics,
                             const std::filesystem::path& directory, const std::string& next);

}  // namespace reaugkd::stages
