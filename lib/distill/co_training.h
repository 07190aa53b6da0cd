// A student and a teacher that are trained together, under one optimizer: DML and ProKT.
#pragma once

#include "base/error.h"
#include "distill/kd.h"
#include "distill/teacher_model.h"

namespace reaugkd::distill {

class CoTrainingObjective : public train::ClassifierObjective {
 public:
  /// `method` is for messages.
  CoTrainingObjective(const MethodContext& context, const std::string& method)
      : train::ClassifierObjective(context.student, context.settings.training),
        teacher_(context, TeacherModel::Use::kTrained),
        labels_(context.labels()),
        prediction_(context.prediction()) {
    if (torch::isnan(labels_).all().item<bool>()) {
      throw base::DataError(
          "{}: no row has a label, and `method` {} trains the teacher by labels too; take "
          "`method` kd or reaugkd",
          context.data.train.path.string(), method);
    }
  }

  std::vector<train::ParameterGroup> parameter_groups() override {
    auto groups = train::ClassifierObjective::parameter_groups();
    train::append(groups, teacher_.parameter_groups());
    return groups;
  }

  void set_training(bool training) override {
    train::ClassifierObjective::set_training(training);
    teacher_.classifier()->train(training);
  }

  train::LossTerms loss(const train::Rows& rows) override {
    return loss_of(teacher_.rows().forward(rows).logits, student_.forward(rows).logits,
                   labels_.index_select(0, student_.index(rows)));
  }

 protected:
  /// Of logits (B, C) and labels (B). No term may reach one model's weights by the other's logits.
  virtual train::LossTerms loss_of(const torch::Tensor& teacher, const torch::Tensor& student,
                                   const torch::Tensor& labels) = 0;
  const PredictionLoss& prediction() const { return prediction_; }

 private:
  TeacherModel teacher_;
  torch::Tensor labels_;
  PredictionLoss prediction_;
};

}  // namespace reaugkd::distill
