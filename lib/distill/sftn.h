// Student-friendly teacher (Park et al., NeurIPS 2021): the teacher is fine-tuned together with
// branches, each the upper part of a student on top of the teacher's lower layers.
#pragma once

#include "distill/targets.h"

namespace reaugkd::distill {

/// Equation 1: CE(y, p^T) + mean over branches m of [ CE(y, p^m) + 3 KL(p^T || p^m) ], with the
/// published weights 1, 1, 3. Branch m is the student's layers after its m-th on the state after
/// the teacher's layer m N / M, through a learned linear map. The branches are thrown away.
class StudentFriendlyObjective : public train::ClassifierObjective {
 public:
  StudentFriendlyObjective(const train::ModelOnData& teacher, train::Model& student,
                           const data::TaskData& data, const train::TrainingOptions& options,
                           std::uint64_t seed);

  std::vector<train::ParameterGroup> parameter_groups() override;
  void set_training(bool training) override;
  train::LossTerms loss(const train::Rows& rows) override;

 private:
  torch::Tensor branch_logits(std::int64_t m, const models::EncoderTrace& trace,
                              const torch::Tensor& attention_mask);

  const train::ModelOnData& teacher_;
  train::Model& friend_;
  torch::Tensor labels_;  // (n)
  PredictionLoss prediction_;
  std::vector<torch::nn::Linear> bridges_;  // of branch m = 1 .. M - 1
};

}  // namespace reaugkd::distill
