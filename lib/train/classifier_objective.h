// An objective that trains one classifier: the base of every distillation method and of
// fine-tuning.
#pragma once

#include <vector>

#include "train/model_on_data.h"
#include "train/objective.h"
#include "train/training_options.h"

namespace reaugkd::train {

/// Trains `student_`; the loss is the method's.
class ClassifierObjective : public Objective {
 public:
  ClassifierObjective(const ModelOnData& student, const TrainingOptions& options)
      : student_(student), options_(options) {}

  std::vector<ParameterGroup> parameter_groups() override;
  void set_training(bool training) override;

 protected:
  const ModelOnData& student_;
  const TrainingOptions& options_;
};

/// Adds `more` to `groups`.
void append(std::vector<ParameterGroup>& groups, std::vector<ParameterGroup> more);

}  // namespace reaugkd::train
