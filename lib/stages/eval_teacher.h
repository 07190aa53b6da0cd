// The teacher that eval scores beside the student.
#pragma once

#include "core/json.h"
#include "data/dataset.h"
#include "stages/eval_options.h"
#include "stages/model.h"

namespace reaugkd::stages {

class EvalTeacher {
 public:
  /// Loads --teacher, and adds it to the run's inputs. Throws ArtifactError where it was trained
  /// for another task than `settings`, the student's, or with its classes in another order.
  EvalTeacher(const EvalOptions& options, const TaskSettings& settings, const Compute& compute,
              StageRun& run);

  /// The task's metrics of its predictions; what is wrong with them goes to metrics["warnings"].
  core::Json score(const data::Dataset& rows, core::Json& metrics);

 private:
  Compute compute_;
  std::int64_t batch_size_;
  TaskSettings settings_;  // its own, where it has some
  Model model_;
};

}  // namespace reaugkd::stages
