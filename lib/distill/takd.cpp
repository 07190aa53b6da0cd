// Teacher assistant (Mirzadeh et al., AAAI 2020): a model of a size in between is distilled first
// (by kd), then the student from it. The loss is kd's, with the assistant as teacher.
#include "base/error.h"
#include "distill/kd.h"
#include "run/run_record.h"

namespace reaugkd::distill {
namespace {

class Takd : public Method {
 public:
  Takd()
      : Method({.name = "takd",
                .summary = "kd from an assistant of a size in between",
                .source = "Mirzadeh et al., AAAI 2020",
                .learns_from = Source::kTeacher}) {}

  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    const auto& teacher = context.settings.teacher;
    const auto made = run::run_record(teacher);
    if (!made || made->command != "distill") {
      throw base::ConfigError(
          "`method` takd: `teacher` {} is not an assistant: it was not written by distill; first "
          "distill the teacher into a model between the two (`method` kd, `student_layers` ...), "
          "then give that one",
          teacher.string());
    }
    return std::make_unique<KdObjective>(context, context.outputs_of(teacher).logits);
  }
};

}  // namespace

std::unique_ptr<Method> make_takd() {
  return std::make_unique<Takd>();
}

}  // namespace reaugkd::distill
