#include "train/classifier_training.h"

namespace reaugkd::train {
namespace {

FitOptions fit_options(const std::string& what, const TrainingOptions& options, std::uint64_t seed,
                       const run::CheckpointPlace& checkpoint) {
  FitOptions fit;
  fit.what = what;
  fit.epochs = options.epochs;
  fit.accumulation = options.gradient_accumulation_steps;
  fit.warmup_ratio = options.warmup_ratio;
  fit.max_grad_norm = options.max_grad_norm;
  fit.eval_steps = options.eval_steps;
  fit.logging_steps = options.logging_steps;
  fit.early_stopping_patience = options.early_stopping_patience;
  fit.shard_optimizer = options.shard_optimizer;
  if (options.gradient_exchange == "bf16") fit.exchange = torch::kBFloat16;
  fit.seed = seed;
  fit.checkpoint = {checkpoint, options.save_steps, options.save_minutes};
  return fit;
}

}  // namespace

TrainingFiles files_of(const run::RunDirectory& run) {
  return {run.path() / "train_log.jsonl", run.checkpoint_place()};
}

FitResult train_classifier(const std::string& what, const ModelOnData& student,
                           Objective& objective, const data::TaskData& data,
                           const TrainingOptions& options, std::uint64_t seed,
                           const TrainingFiles& files) {
  Model& model = student.model();
  const tensor::Compute& compute = student.compute();
  const auto validation_rows = model.encode(data.validation, data.settings, compute);
  const auto lengths = lengths_of(student.encoded());
  const auto batches = [&](std::int64_t epoch) {
    return training_batches(lengths, options.batch_size, seed, epoch, objective.compares_rows());
  };
  const data::Task& task = data.settings.task;
  const auto validate = [&] {
    const auto predictions =
        predict(model.classifier, validation_rows,
                model.predict_options(compute, data.settings, options.eval_batch_size));
    const auto scores =
        score(task, probabilities_of(predictions.logits, task.kind()), data.validation.labels);
    return Validation{scores.at(task.metrics.front()), scores};
  };
  FitResult result = fit(fit_options(what, options, seed, files.checkpoint), objective, batches,
                         validate, files.log);
  model.classifier->to(torch::kCPU);
  return result;
}

}  // namespace reaugkd::train
