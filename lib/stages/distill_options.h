// Options of distill: what all methods share, then each method's own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/options.h"
#include "distill/method.h"
#include "run/run_directory.h"
#include "stages/task_inputs.h"
#include "train/training_options.h"

namespace reaugkd::stages {

struct DistillOptions {
  std::string kb;
  std::string teacher;
  std::string teacher_outputs;
  std::string student;
  std::vector<std::int64_t> student_layers;
  std::string method = "reaugkd";
  std::optional<double> hard_label_weight;      // none: the method's
  std::optional<double> distill_temperature;    // none: the method's
  std::optional<double> teacher_learning_rate;  // none: the method's
  DataOptions data;
  train::TrainingOptions training;
  run::RunOptions run;

  DistillOptions();
  base::OptionList fields();
  /// The method that is asked for; hard_label_weight and so on become its own where none is given.
  distill::Method& resolve();
  /// What all methods read, after resolve().
  distill::DistillSettings settings() const;
  /// Throws ConfigError where the sources are not those that the method learns from.
  void check_sources(const distill::MethodInfo& method) const;
  /// The same of a teacher that is given by its outputs, for a method that runs a model.
  void check_weights(const distill::MethodInfo& method) const;
  /// Warns of options that the method, or the task, does not read; a plan or a config may have them
  /// for others.
  void warn_of_unused(const distill::MethodInfo& method, const data::Task& task);

 private:
  std::vector<distill::MethodPtr> methods_ = distill::make_methods();  // with their options
};

}  // namespace reaugkd::stages
