// ProKT (Shi et al., ECML PKDD 2021): the teacher is trained beside the student and kept near it,
// so that the student always has a target within its reach:
//   L_T = (1 - lambda) CE(y, p^T) + lambda KL(p^S || p^T),  L_S = kd's terms towards p^T.
// `teacher` is the model that the teacher's training starts from, usually the pretrained one.
#include "distill/co_training.h"

namespace reaugkd::distill {
namespace {

class ProktObjective : public CoTrainingObjective {
 public:
  ProktObjective(const MethodContext& context, double lambda)
      : CoTrainingObjective(context, "prokt"), lambda_(lambda) {}

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

class Prokt : public Method {
 public:
  Prokt()
      : Method({.name = "prokt",
                .summary = "the teacher is trained beside the student and kept near it",
                .source = "Shi et al., ECML PKDD 2021",
                .learns_from = Source::kTeacher,
                .trains_teacher = true}) {}

  void add_options(base::OptionList& options) override {
    options.add({"prokt-lambda", "", &lambda_, "weight of the teacher's term towards the student",
                 base::kUnit});
  }
  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    return std::make_unique<ProktObjective>(context, lambda_);
  }

 private:
  double lambda_ = 0.4;
};

}  // namespace

std::unique_ptr<Method> make_prokt() {
  return std::make_unique<Prokt>();
}

}  // namespace reaugkd::distill
