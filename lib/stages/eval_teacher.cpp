#include "stages/eval_teacher.h"

#include "core/error.h"
#include "stages/quality.h"
#include "train/predict.h"

namespace reaugkd::stages {

EvalTeacher::EvalTeacher(const EvalOptions& options, const TaskSettings& settings,
                         const Compute& compute, StageRun& run)
    : compute_(compute), batch_size_(options.eval_batch_size), settings_(settings) {
  run.add_input_directory(options.teacher);
  const Inherited from = inherit(options.teacher);
  if (from.settings && from.settings->task.name != settings.task.name) {
    throw core::ArtifactError("{}: was trained for task {}, the model for {}", options.teacher,
                              from.settings->task.name, settings.task.name);
  }
  check_class_order(options.data, from, settings);
  if (from.settings) settings_ = *from.settings;
  model_ = load_trained(options.teacher, settings_);
  model_.classifier->to(compute.device);
}

core::Json EvalTeacher::score(const data::Dataset& rows, core::Json& metrics) {
  auto predict = model_.predict_options(compute_, settings_, batch_size_);
  predict.what = "teacher";
  const auto outputs =
      train::predict(model_.classifier, model_.encode(rows, settings_, compute_.threads), predict);
  const auto probabilities = train::probabilities_of(outputs.logits, settings_.task.regression());
  add_warnings(metrics,
               prediction_warnings("the teacher", settings_.task, probabilities, rows.labels));
  return train::score(settings_.task, probabilities, rows.labels);
}

}  // namespace reaugkd::stages
