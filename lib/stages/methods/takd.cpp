// Teacher assistant (Mirzadeh et al., AAAI 2020): a model of a size in between is distilled first
// (distill --method kd), then the student from it. The loss is kd's, with the assistant as teacher.
#include "core/error.h"
#include "stages/methods/kd.h"
#include "stages/stage_run.h"

namespace reaugkd::stages {

std::unique_ptr<train::Step> make_takd(const MethodContext& context) {
  const auto& options = context.options;
  const auto made = core::run_record(options.teacher);
  if (!made || made->command != "distill") {
    throw core::ConfigError(
        "--method takd: --teacher {} is not an assistant: it was not written by distill; first "
        "distill the teacher into a model between the two (--method kd --student-layers ...), then "
        "give that one",
        options.teacher);
  }
  return std::make_unique<KdStep>(context, context.outputs_of(options.teacher).logits);
}

}  // namespace reaugkd::stages
