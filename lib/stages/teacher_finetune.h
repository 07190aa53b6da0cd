// Stage 1: fine-tunes a pretrained (or random) BERT on a task's hard labels. Its output is the
// teacher, or a student's start.
#pragma once

#include <string>
#include <vector>

#include "core/options.h"
#include "stages/stage_run.h"
#include "stages/task_data.h"
#include "stages/training_options.h"

namespace reaugkd::stages {

struct TeacherFinetuneOptions {
  std::string model;
  std::int64_t keep_trajectory = 0;
  std::string student_friendly;
  std::vector<std::int64_t> student_layers;
  DataOptions data;
  TrainingOptions training;
  RunOptions run;

  TeacherFinetuneOptions();
  core::OptionList fields();
};

/// Runs the stage; returns the text for stdout. Throws core::Error.
std::string run_teacher_finetune(TeacherFinetuneOptions options);

}  // namespace reaugkd::stages
