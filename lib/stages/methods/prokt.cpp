// ProKT (Shi et al., ECML PKDD 2021): the teacher is trained beside the student and kept near it,
// so that the student always has a target within its reach:
//   L_T = (1 - lambda) CE(y, p^T) + lambda KL(p^S || p^T),  L_S = kd's terms towards p^T.
// --teacher is the model that the teacher's training starts from, usually the pretrained one.
#include "stages/methods/co_training.h"

namespace reaugkd::stages {
namespace {

class ProktStep : public CoTrainingStep {
 public:
  explicit ProktStep(const MethodContext& context)
      : CoTrainingStep(context), lambda_(context.options.prokt_lambda) {}

 private:
  train::LossTerms loss_of(const torch::Tensor& teacher, const torch::Tensor& student,
                           const torch::Tensor& labels) override {
    auto loss = prediction().mixed(teacher, student, labels);
    const auto teacher_loss = (1 - lambda_) * prediction().hard(teacher, labels) +
                              lambda_ * prediction().towards(student, teacher);
    add_term(loss, "teacher", teacher_loss, 1);
    return loss;
  }

  double lambda_;
};

}  // namespace

std::unique_ptr<train::Step> make_prokt(const MethodContext& context) {
  return std::make_unique<ProktStep>(context);
}

}  // namespace reaugkd::stages
