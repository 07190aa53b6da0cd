#include "evaluation/training_report.h"

#include "base/error.h"

namespace reaugkd::evaluation {

TrainingReport training_report(const data::TaskData& data, const train::FitResult& fit) {
  const data::Task& task = data.settings.task;
  TrainingReport report{task.name,
                        fit,
                        data::to_string(data.split.validation),
                        data.train.size(),
                        data.validation.size(),
                        absent_class_warnings(task, data.train.labels),
                        {}};
  append(report.warnings, score_warnings("the model, on the validation part,", task,
                                         fit.best.details, data.validation.labels));
  return report;
}

base::Json to_json(const TrainingReport& report) {
  const auto& fit = report.fit;
  base::Json json;
  json["task"] = report.task;
  json["validation"] = metrics::to_json(fit.best.details);
  json["validation_split"] = report.validation_split;
  json["train_examples"] = report.train_examples;
  json["validation_examples"] = report.validation_examples;
  json["planned_steps"] = fit.planned_steps;
  json["steps"] = fit.steps;
  json["best_step"] = fit.best_step;
  json["best_epoch"] = fit.best_epoch;
  json["stopped_early"] = fit.stopped_early;
  json["timing"]["training_seconds"] = fit.seconds;
  json["timing"]["examples_per_second"] = fit.examples_per_second;
  if (!report.warnings.empty()) json["warnings"] = report.warnings;
  if (!report.method.empty()) json["method"] = report.method;
  return json;
}

std::string training_summary(const std::string& what, const TrainingReport& report) {
  const auto& fit = report.fit;
  std::string text = fmt::format(
      "{}: best at epoch {:.2f} (step {} of {}) on {} validation rows ({})\n", what, fit.best_epoch,
      fit.best_step, fit.steps, report.validation_examples, report.validation_split);
  for (const auto& [name, value] : fit.best.details) {
    text += fmt::format("  {:<22} {:.4f}\n", name, value);
  }
  return text + fmt::format("  {:<22} {:.0f}\n", "examples/s", fit.examples_per_second);
}

}  // namespace reaugkd::evaluation
