#include "evaluation/training_report.h"

#include "base/error.h"
#include "evaluation/hints.h"

namespace reaugkd::evaluation {

TrainingReport training_report(const data::TaskData& data, const train::FitResult& fit,
                               const train::ModelOnData& rows, const std::filesystem::path& log) {
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
  append(report.warnings, few_row_hints(task, data.train.labels));
  append(report.warnings, cut_hints("the training part", rows.encoded().num_truncated(),
                                    rows.encoded().size(), data.settings.max_seq_length));
  if (!fit.stopped_early) {
    const std::string& metric = task.metrics.front();
    append(report.warnings, rising_hints(metric, validations_of(log, metric)));
  }
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
