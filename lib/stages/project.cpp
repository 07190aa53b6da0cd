#include "stages/project.h"

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "stages/compute.h"
#include "stages/project_keys.h"
#include "stages/project_teacher.h"
#include "train/pretrained_encoder.h"
#include "train/sentence_defaults.h"

namespace reaugkd::stages {
namespace {

base::Json metrics_json(const ProjectOptions& options, const data::TaskSettings& settings,
                        const MadeKeys& keys, bool saw_holdout, double feature_seconds) {
  base::Json metrics = {{"task", settings.task.name},
                        {"dimension", keys.dimension},
                        {"teacher_saw_holdout", saw_holdout},
                        {"validation", metrics::to_json(keys.validation)}};
  if (keys.maker.reads_pretrained()) metrics["space"] = options.space;
  if (keys.kept) metrics["kept_squared_length"] = *keys.kept;
  if (keys.fit) {
    metrics["best_epoch"] = keys.fit->best_epoch;
    metrics["steps"] = keys.fit->steps;
    metrics["timing"]["training_seconds"] = keys.fit->seconds;
  }
  metrics["timing"]["feature_seconds"] = feature_seconds;
  return metrics;
}

std::string summary(const ProjectOptions& options, const MadeKeys& keys) {
  std::string text =
      fmt::format("project: D = {}, k-NN accuracy of held-out rows {:.4f} (k = {}", keys.dimension,
                  keys.validation.at("knn_accuracy"), distill::kProjectionNeighbors);
  if (keys.fit) text += fmt::format(", best epoch {:.0f}", keys.fit->best_epoch);
  text += ")\n";
  if (keys.maker.reads_pretrained()) {
    text += fmt::format("space {}", options.space);
    if (keys.kept) {
      text += fmt::format(": {:.1f} % of the pretrained embeddings' squared length is kept",
                          100 * *keys.kept);
    }
    text += "\n";
  }
  return text +
         fmt::format(
             "written to {0}; next: reaugkd build-kb --teacher {0} --data {1} --output DIR\n",
             options.run.output, options.data.data);
}

}  // namespace

std::string run_project(ProjectOptions options) {
  const auto fields = options.fields();
  if (run::already_finished("project", fields, ProjectOptions().fields(), options.run)) return "";
  options.check();
  const bool given = !options.teacher_outputs.empty();
  const Inherited inherited = given ? Inherited() : inherit(options.teacher);
  const auto settings = resolve_settings(options.data, inherited);
  run::RunDirectory run("project", fields, ProjectOptions().fields(), options.run);
  if (!given) run.add_input_directory(options.teacher);
  if (!options.student.empty()) {
    run.add_input(std::filesystem::path(options.student) / "config.json");  // of D
  }
  const auto pretrained_from = pretrained_directory(options);
  if (!pretrained_from.empty()) run.add_input_directory(pretrained_from);
  options.warn_of_unused();
  const tensor::Compute compute = start_compute(options.run, /*training=*/false, run);
  if (!inherited.split) {
    spdlog::warn(
        "{} was not trained here and may have seen every row: the holdout starts at this stage",
        given ? "the teacher of " + options.teacher_outputs : options.teacher);
  }
  data::TaskData data = read_task_data(options.data, settings, inherited, run);
  const auto teacher =
      given ? outputs_teacher(options, data, run) : model_teacher(options, data, compute);
  const data::TaskData& known = teacher->known();
  const auto labelled = labelled_rows(known.train, settings.task.kind());
  const auto dimensions =
      dimensions_of(options, teacher->width(),
                    pretrained_from.empty() ? 0 : models::load_config(pretrained_from).hidden_size);
  std::optional<train::Model> pretrained;
  if (!pretrained_from.empty()) {
    const auto pooling =
        train::choose_pooling(options.pretrained_embedding, models::load_config(pretrained_from),
                              pretrained_from, models::Pooling::kMean);
    options.pretrained_embedding = models::to_string(pooling);
    pretrained = train::load_pretrained(pretrained_from, pooling);
    train::carry_pretrained(*pretrained, pretrained_from, run.path());
  }
  const auto features = teacher_features(*teacher, pretrained ? &*pretrained : nullptr, compute,
                                         options.eval_batch_size, options.run.resume, run);
  const double feature_seconds = run.seconds();
  const auto keys = make_keys(options, features, known, labelled, dimensions, compute, run);
  teacher->save(run.path());
  distill::save_key_maker(keys.maker, run.path());
  data::save_split(data.split, run.path());
  const bool saw_holdout = !inherited.split && data.split.validation.holdout;
  auto metrics = metrics_json(options, settings, keys, saw_holdout, feature_seconds);
  teacher->report(metrics);
  run.finish(std::move(metrics));
  return summary(options, keys);
}

}  // namespace reaugkd::stages
