// Teacher assistant (Mirzadeh et al., AAAI 2020): a model of a size in between is distilled first
// (distill --method kd), then the student from it. The loss is kd's, with the assistant as teacher.
#include "core/error.h"
#include "core/json.h"
#include "stages/methods/kd.h"

namespace reaugkd::stages {

std::unique_ptr<train::Step> make_takd(const MethodContext& context) {
  const auto& options = context.options;
  const auto run = std::filesystem::path(options.teacher) / "run.json";
  const bool distilled =
      std::filesystem::exists(run) && core::read_json(run).value("command", "") == "distill";
  if (!distilled) {
    throw core::ConfigError(
        "--method takd: --teacher {} is not an assistant: it was not written by distill; first "
        "distill the teacher into a model between the two (--method kd --student-layers ...), then "
        "give that one",
        options.teacher);
  }
  return std::make_unique<KdStep>(
      context, targets_from_teacher(options.teacher, context.data, context.compute(),
                                    options.training.eval_batch_size));
}

}  // namespace reaugkd::stages
