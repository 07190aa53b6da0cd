#include "stages/project.h"

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "distill/projection.h"
#include "stages/compute.h"
#include "stages/teacher_features.h"

namespace reaugkd::stages {
namespace {

std::int64_t dimension_of(const ProjectOptions& options, const models::ModelConfig& teacher) {
  if (!options.student.empty() && options.dim) {
    throw base::ConfigError("--student and --dim exclude one another: the dimension is either");
  }
  if (!options.student.empty()) return models::load_config(options.student).hidden_size;
  return options.dim.value_or(teacher.hidden_size);
}

/// Trains `projection`; the best of the validations is left in it.
train::FitResult fit_projection(const ProjectOptions& options, const TeacherFeatures& teacher,
                                const data::TaskData& data, const LabelledRows& labelled,
                                const run::RunDirectory& run, distill::Projection& projection) {
  const auto device = projection.weight.device();
  train::FitOptions fit;
  fit.what = "project";
  fit.epochs = options.epochs;
  fit.warmup_ratio = options.warmup_ratio;
  fit.max_grad_norm = options.max_grad_norm;
  fit.seed = static_cast<std::uint64_t>(options.run.seed);
  fit.checkpoint.place = run.checkpoint_place();
  return distill::train_projection(
      projection,
      {teacher.train.embeddings.index_select(0, labelled.positions).to(device), labelled.labels,
       teacher.validation.embeddings.to(device),
       positive_labels(data.validation, data.settings.task.kind())},
      {options.learning_rate, options.weight_decay, options.tau}, options.batch_size, fit,
      run.path() / "train_log.jsonl");
}

base::Json metrics_json(const data::TaskSettings& settings, std::int64_t dimension,
                        bool saw_holdout, const train::FitResult& fit, double feature_seconds) {
  return {{"task", settings.task.name},
          {"dimension", dimension},
          {"teacher_saw_holdout", saw_holdout},
          {"validation", metrics::to_json(fit.best.details)},
          {"best_epoch", fit.best_epoch},
          {"steps", fit.steps},
          {"timing", {{"training_seconds", fit.seconds}, {"feature_seconds", feature_seconds}}}};
}

}  // namespace

std::string run_project(ProjectOptions options) {
  const auto fields = options.fields();
  if (run::already_finished("project", fields, ProjectOptions().fields(), options.run)) return "";
  const Inherited inherited = inherit(options.teacher);
  const auto teacher_config = models::load_config(options.teacher);
  const auto settings = resolve_settings(options.data, inherited);
  const std::int64_t dimension = dimension_of(options, teacher_config);
  run::RunDirectory run("project", fields, ProjectOptions().fields(), options.run);
  run.add_input_directory(options.teacher);
  if (!options.student.empty()) {
    run.add_input(std::filesystem::path(options.student) / "config.json");  // of D
  }
  const tensor::Compute compute = start_compute(options.run, /*training=*/false, run);
  if (!inherited.split) {
    spdlog::warn(
        "{} was not trained here and may have seen every row: the holdout starts at this stage",
        options.teacher);
  }
  const data::TaskData data = read_task_data(options.data, settings, inherited, run);
  const auto labelled = labelled_rows(data.train, settings.task.kind());

  train::Model teacher = train::load_trained(options.teacher, settings);
  if (!options.embedding.empty()) teacher.pooling = models::parse_pooling(options.embedding);
  const auto features =
      teacher_features(teacher, data, compute, options.eval_batch_size, options.run.resume, run);
  const double feature_seconds = run.seconds();
  auto projection =
      distill::draw_projection(dimension, teacher_config.hidden_size,
                               static_cast<std::uint64_t>(options.run.seed), compute.device);
  const auto fit = fit_projection(options, features, data, labelled, run, projection);
  train::save_model(teacher, settings, run.path());
  distill::save_projection(
      {projection.weight.detach().to(torch::kCPU), projection.bias.detach().to(torch::kCPU)},
      run.path());
  data::save_split(data.split, run.path());
  carry_teacher_run(options.teacher, run.path());
  const bool saw_holdout = !inherited.split && data.split.validation.holdout;
  run.finish(metrics_json(settings, dimension, saw_holdout, fit, feature_seconds));
  return fmt::format(
      "project: D = {}, k-NN accuracy of held-out rows {:.4f} (k = {}, best epoch {:.0f})\n"
      "written to {}; next: reaugkd build-kb --teacher {} --data {} --output DIR\n",
      dimension, fit.best.score, distill::kProjectionNeighbors, fit.best_epoch, options.run.output,
      options.run.output, options.data.data);
}

}  // namespace reaugkd::stages
