#include "stages/training.h"

#include "core/error.h"
#include "stages/quality.h"

namespace reaugkd::stages {
namespace {

train::FitOptions fit_options(const std::string& what, const TrainingOptions& options,
                              std::uint64_t seed, const train::CheckpointOptions& checkpoint) {
  train::FitOptions fit;
  fit.what = what;
  fit.epochs = options.epochs;
  fit.accumulation = options.gradient_accumulation_steps;
  fit.warmup_ratio = options.warmup_ratio;
  fit.max_grad_norm = options.max_grad_norm;
  fit.eval_steps = options.eval_steps;
  fit.logging_steps = options.logging_steps;
  fit.early_stopping_patience = options.early_stopping_patience;
  fit.seed = seed;
  fit.checkpoint = checkpoint;
  fit.checkpoint.save_steps = options.save_steps;
  fit.checkpoint.save_minutes = options.save_minutes;
  return fit;
}

core::Json fit_json(const train::FitResult& result, const TaskData& data) {
  core::Json json;
  json["task"] = data.settings.task.name;
  json["validation"] = result.best.details;
  json["validation_split"] = data::to_string(data.split.validation);
  json["train_examples"] = data.train.size();
  json["validation_examples"] = data.validation.size();
  json["planned_steps"] = result.planned_steps;
  json["steps"] = result.steps;
  json["best_step"] = result.best_step;
  json["best_epoch"] = result.best_epoch;
  json["stopped_early"] = result.stopped_early;
  json["timing"]["training_seconds"] = result.seconds;
  json["timing"]["examples_per_second"] = result.examples_per_second;
  return json;
}

}  // namespace

core::Json train_classifier(const std::string& what, const RowClassifier& student,
                            train::Step& step, const TaskData& data, const TrainingOptions& options,
                            std::uint64_t seed, const TrainingFiles& files) {
  Model& model = student.model();
  const Compute& compute = student.compute();
  const auto validation_rows = model.encode(data.validation, data.settings, compute.threads);
  const auto lengths = train::lengths_of(student.encoded());
  const auto batches = [&](std::int64_t epoch) {
    return train::length_bucketed_batches(lengths, options.batch_size, seed, epoch);
  };
  const data::Task& task = data.settings.task;
  const auto validate = [&] {
    const auto predictions =
        train::predict(model.classifier, validation_rows,
                       model.predict_options(compute, data.settings, options.eval_batch_size));
    train::Validation validation;
    validation.details =
        train::score(task, train::probabilities_of(predictions.logits, task.regression()),
                     data.validation.labels);
    validation.score = validation.details[task.metrics.front()].get<double>();
    return validation;
  };
  const auto result = train::fit(fit_options(what, options, seed, files.checkpoint), step, batches,
                                 validate, files.log);
  model.classifier->to(torch::kCPU);
  core::Json metrics = fit_json(result, data);
  add_warnings(metrics, absent_class_warnings(task, data.train.labels));
  add_warnings(metrics, score_warnings("the model, on the validation part,", task,
                                       result.best.details, data.validation.labels));
  return metrics;
}

core::Json train_classifier(const std::string& what, const RowClassifier& student,
                            train::Step& step, const TaskData& data, const TrainingOptions& options,
                            std::uint64_t seed, const StageRun& run) {
  return train_classifier(what, student, step, data, options, seed,
                          {run.path() / "train_log.jsonl", run.checkpoint_options()});
}

std::string training_summary(const std::string& what, const core::Json& metrics,
                             const std::filesystem::path& directory, const std::string& next) {
  std::string text = fmt::format(
      "{}: best at epoch {:.2f} (step {} of {}) on {} validation rows ({})\n", what,
      metrics["best_epoch"].get<double>(), metrics["best_step"].get<std::int64_t>(),
      metrics["steps"].get<std::int64_t>(), metrics["validation_examples"].get<std::int64_t>(),
      metrics["validation_split"].get<std::string>());
  for (const auto& [name, value] : metrics["validation"].items()) {
    text += fmt::format("  {:<22} {:.4f}\n", name, value.get<double>());
  }
  text += fmt::format("  {:<22} {:.0f}\n", "examples/s",
                      metrics["timing"]["examples_per_second"].get<double>());
  text += fmt::format("written to {}; next: {}\n", directory.string(), next);
  return text;
}

}  // namespace reaugkd::stages
