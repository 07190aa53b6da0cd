// Stage 4: trains a student on the teacher's predictions and embeddings in the knowledge base
// (equation 4), or by one of the methods it is compared with.
#pragma once

#include <string>
#include <vector>

#include "core/options.h"
#include "stages/stage_run.h"
#include "stages/task_data.h"
#include "stages/training_options.h"

namespace reaugkd::stages {

struct DistillOptions {
  std::string kb;
  std::string student;
  std::vector<std::int64_t> student_layers;
  std::string method = "reaugkd";
  double alpha = 1;
  double tau = 0.1;
  std::string self_similarity = "drop";
  std::string kl_direction = "forward";
  std::string anchor = "teacher";
  double hard_label_weight = 0;
  double distill_temperature = 1;
  DataOptions data;
  TrainingOptions training;
  RunOptions run;

  DistillOptions();
  core::OptionList fields();
};

/// Runs the stage; returns the text for stdout. Throws core::Error.
std::string run_distill(DistillOptions options);

}  // namespace reaugkd::stages
