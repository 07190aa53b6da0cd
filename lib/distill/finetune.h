// Training on hard labels alone: the teacher's fine-tuning, and the method finetune.
#pragma once

#include "distill/targets.h"

namespace reaugkd::distill {

/// CE(y, p), or the squared error to the score.
class HardLabelObjective : public train::ClassifierObjective {
 public:
  HardLabelObjective(const train::ModelOnData& classifier, const data::TaskData& data,
                     const train::TrainingOptions& options);
  train::LossTerms loss(const train::Rows& rows) override;

 private:
  torch::Tensor labels_;  // (n)
  PredictionLoss prediction_;
};

}  // namespace reaugkd::distill
