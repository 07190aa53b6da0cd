#include "distill/finetune.h"

#include "base/error.h"
#include "distill/method.h"

namespace reaugkd::distill {

HardLabelObjective::HardLabelObjective(const train::ModelOnData& classifier,
                                       const data::TaskData& data,
                                       const train::TrainingOptions& options)
    : ClassifierObjective(classifier, options),
      labels_(labels_on(data.train, classifier.compute().device)),
      prediction_{data.settings.task.kind(), 1, 1} {}

train::LossTerms HardLabelObjective::loss(const train::Rows& rows) {
  const auto output = student_.forward(rows);
  return {prediction_.hard(output.logits, labels_.index_select(0, student_.index(rows))), {}};
}

namespace {

class Finetune : public Method {
 public:
  Finetune()
      : Method({.name = "finetune",
                .summary = "hard labels alone, no teacher",
                .source = "Devlin et al., NAACL 2019",
                .learns_from = Source::kLabels,
                .hard_label_weight = 1}) {}

  void check(const DistillSettings& settings) const override {
    if (settings.hard_label_weight == 1.0 && settings.distill_temperature == 1.0) return;
    throw base::ConfigError(
        "`method` finetune learns from the labels alone: leave out `hard_label_weight` and "
        "`distill_temperature`, or take `method` kd");
  }
  std::unique_ptr<train::Objective> make(const MethodContext& context) const override {
    return std::make_unique<HardLabelObjective>(context.student, context.data,
                                                context.settings.training);
  }
};

}  // namespace

std::unique_ptr<Method> make_finetune() {
  return std::make_unique<Finetune>();
}

}  // namespace reaugkd::distill
