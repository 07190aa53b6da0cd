// A student and a teacher that are trained together, in one step of one optimizer: DML and ProKT.
#pragma once

#include "core/error.h"
#include "stages/methods/kd.h"

namespace reaugkd::stages {

class CoTrainingStep : public ClassifierStep {
 public:
  explicit CoTrainingStep(const MethodContext& context)
      : ClassifierStep(context.student, context.options.training),
        teacher_(context, LiveTeacher::Use::kTrained),
        labels_(context.labels()),
        prediction_(context.prediction()) {
    if (torch::isnan(labels_).all().item<bool>()) {
      throw core::DataError(
          "{}: no row has a label, and --method {} trains the teacher by labels too; take "
          "--method kd or reaugkd",
          context.data.train.path.string(), context.options.method);
    }
  }

  std::vector<train::ParameterGroup> parameter_groups() override {
    auto groups = ClassifierStep::parameter_groups();
    append(groups, teacher_.parameter_groups());
    return groups;
  }

  void set_training(bool training) override {
    ClassifierStep::set_training(training);
    teacher_.classifier()->train(training);
  }

  train::LossTerms loss(const Rows& rows) override {
    return loss_of(teacher_.rows().forward(rows).logits, student_.forward(rows).logits,
                   labels_.index_select(0, student_.index(rows)));
  }

 protected:
  /// Of logits (B, C) and labels (B). No term may reach one model's weights by the other's logits.
  virtual train::LossTerms loss_of(const torch::Tensor& teacher, const torch::Tensor& student,
                                   const torch::Tensor& labels) = 0;
  const PredictionLoss& prediction() const { return prediction_; }

 private:
  LiveTeacher teacher_;
  torch::Tensor labels_;
  PredictionLoss prediction_;
};

}  // namespace reaugkd::stages
