// Training on hard labels alone: the teacher's fine-tuning, and distill --method finetune.
#pragma once

#include "stages/methods/targets.h"

namespace reaugkd::stages {

/// CE(y, p), or the squared error to the score.
class HardLabelStep : public ClassifierStep {
 public:
  HardLabelStep(const RowClassifier& classifier, const TaskData& data,
                const TrainingOptions& options);
  train::LossTerms loss(const Rows& rows) override;

 private:
  torch::Tensor labels_;  // (n)
  PredictionLoss prediction_;
};

}  // namespace reaugkd::stages
