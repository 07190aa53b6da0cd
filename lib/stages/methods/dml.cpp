// Deep mutual learning (Zhang et al., CVPR 2018), equations 4 and 5: each of the two models learns
// from the labels and from the other,
//   L_S = CE(y, p^S) + KL(p^T || p^S),  L_T = CE(y, p^T) + KL(p^S || p^T).
// --hard-label-weight w gives 2 [(1 - w) KL + w CE], the published sum at its default 0.5.
#include "core/error.h"
#include "stages/methods/co_training.h"

namespace reaugkd::stages {
namespace {

class DmlStep : public CoTrainingStep {
  using CoTrainingStep::CoTrainingStep;

  train::LossTerms loss_of(const torch::Tensor& teacher, const torch::Tensor& student,
                           const torch::Tensor& labels) override {
    const double w = prediction().hard_label_weight;
    const auto one = [&](const torch::Tensor& other, const torch::Tensor& own) {
      return 2 * ((1 - w) * prediction().towards(other, own) + w * prediction().hard(own, labels));
    };
    const auto student_loss = one(teacher, student);
    const auto teacher_loss = one(student, teacher);
    return {student_loss + teacher_loss, {{"student", student_loss}, {"teacher", teacher_loss}}};
  }
};

}  // namespace

std::unique_ptr<train::Step> make_dml(const MethodContext& context) {
  if (context.options.distill_temperature != 1.0) {
    throw core::ConfigError("--distill-temperature {}: --method dml has none; leave it out",
                            *context.options.distill_temperature);
  }
  return std::make_unique<DmlStep>(context);
}

}  // namespace reaugkd::stages
