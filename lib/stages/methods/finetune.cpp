#include "stages/methods/finetune.h"

#include "core/error.h"
#include "stages/methods/method.h"

namespace reaugkd::stages {

HardLabelStep::HardLabelStep(const RowClassifier& classifier, const TaskData& data,
                             const TrainingOptions& options)
    : ClassifierStep(classifier, options),
      labels_(labels_on(data.train, classifier.compute().device)),
      prediction_{data.settings.task.regression(), 1, 1} {}

train::LossTerms HardLabelStep::loss(const Rows& rows) {
  const auto output = student_.forward(rows);
  return {prediction_.hard(output.logits, labels_.index_select(0, student_.index(rows))), {}};
}

std::unique_ptr<train::Step> make_finetune(const MethodContext& context) {
  if (context.options.hard_label_weight != 1.0 || context.options.distill_temperature != 1.0) {
    throw core::ConfigError(
        "--method finetune learns from the labels alone: leave out --hard-label-weight and "
        "--distill-temperature, or take --method kd");
  }
  return std::make_unique<HardLabelStep>(context.student, context.data, context.options.training);
}

}  // namespace reaugkd::stages
