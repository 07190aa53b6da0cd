// Stage 2: makes the space of the keys. By default it trains the projection L of the teacher's
// embeddings with equation 1, the teacher frozen. Its output is a whole teacher (or teacher.json,
// where its outputs are given) plus projection.safetensors and the cached features.
#pragma once

#include <optional>
#include <string>

#include "base/options.h"
#include "run/run_directory.h"
#include "stages/task_inputs.h"

namespace reaugkd::stages {

struct ProjectOptions {
  std::string teacher;
  std::string teacher_outputs;
  std::string student;
  std::optional<std::int64_t> dim;
  std::string embedding = "auto";
  std::string space = "projection";
  std::string pretrained;
  std::string pretrained_embedding = "auto";
  double pretrained_weight = 0.5;
  DataOptions data;
  std::int64_t epochs = 10;
  std::int64_t batch_size = 256;
  std::int64_t eval_batch_size = 128;
  double learning_rate = 1e-3;
  double warmup_ratio = 0.1;
  double weight_decay = 0.01;
  double max_grad_norm = 1;
  double tau = 0.1;
  run::RunOptions run;

  base::OptionList fields();
  /// Throws ConfigError where they contradict one another.
  void check() const;
  /// Warns of options that the space does not read.
  void warn_of_unused();
};

/// Runs the stage; returns the text for stdout. Throws base::Error.
std::string run_project(ProjectOptions options);

}  // namespace reaugkd::stages
