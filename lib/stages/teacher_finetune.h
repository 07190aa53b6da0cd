// Stage 1: fine-tunes a pretrained (or random) BERT on a task's hard labels. Its output is the
// teacher, or a student's start.
#pragma once

#include <string>
#include <vector>

#include "base/options.h"
#include "run/run_directory.h"
#include "stages/task_inputs.h"
#include "train/training_options.h"

namespace reaugkd::stages {

struct TeacherFinetuneOptions {
  std::string model;
  std::int64_t keep_trajectory = 0;
  std::string student_friendly;
  std::vector<std::int64_t> student_layers;
  DataOptions data;
  train::TrainingOptions training;
  run::RunOptions run;

  TeacherFinetuneOptions();
  base::OptionList fields();
};

/// Runs the stage; returns the text for stdout. Throws base::Error.
std::string run_teacher_finetune(TeacherFinetuneOptions options);

}  // namespace reaugkd::stages
