// Options of distill: what all methods share, then each method's own (docs/methods.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/options.h"
#include "stages/stage_run.h"
#include "stages/task_data.h"
#include "stages/training_options.h"

namespace reaugkd::stages {

struct DistillOptions {
  std::string kb;
  std::string teacher;
  std::string student;
  std::vector<std::int64_t> student_layers;
  std::string method = "reaugkd";
  double alpha = 1;
  double tau = 0.1;
  std::string self_similarity = "drop";
  std::string kl_direction = "forward";
  std::string anchor = "teacher";
  std::int64_t kb_anchors = 1024;
  std::optional<double> hard_label_weight;      // none: the method's
  std::optional<double> distill_temperature;    // none: the method's
  std::optional<double> teacher_learning_rate;  // none: the method's
  std::string pkd_layers = "skip";
  double pkd_weight = 100;
  double rkd_distance_weight = 25;
  double rkd_angle_weight = 50;
  double tinybert_intermediate = 0.5;
  double minilm_weight = 1;
  double prokt_lambda = 0.4;
  double metadistil_quiz = 0.1;
  DataOptions data;
  TrainingOptions training;
  RunOptions run;

  DistillOptions();
  core::OptionList fields();
};

}  // namespace reaugkd::stages
