// Deep mutual learning (Zhang et al., CVPR 2018), equations 4 and 5: each of the two models learns
// from the labels and from the other,
//   L_S = CE(y, p^S) + KL(p^T || p^S),  L_T = CE(y, p^T) + KL(p^S || p^T).
// hard_label_weight w gives 2 [(1 - w) KL + w CE], the published sum at its default 0.5.
#include "base/error.h"
#include "distill/co_training.h"

namespace reaugkd::distill {
namespace {

class DmlObjective : public CoTrainingObjective {
  using CoTrainingObjective::CoTrainingObjective;

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

class Dml : public Method {
 public:
  Dml()
      : Method({.name = "dml",
                .summary = "deep mutual learning: student and teacher learn from one another",
                .source = "Zhang et al., CVPR 2018",
                .learns_from = Source::kTeacher,
                .hard_label_weight = 0.5,
                .trains_teacher = true}) {}

  void check(const DistillSettings& settings) const override {
    if (settings.distill_temperature == 1.0) return;
    throw base::ConfigError("`distill_temperature` {}: `method` dml has none; leave it out",
                            settings.distill_temperature);
  }
  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    return std::make_unique<DmlObjective>(context, info().name);
  }
};

}  // namespace

std::unique_ptr<Method> make_dml() {
  return std::make_unique<Dml>();
}

}  // namespace reaugkd::distill
