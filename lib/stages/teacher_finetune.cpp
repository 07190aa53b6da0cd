#include "stages/teacher_finetune.h"

#include "base/error.h"
#include "distill/sftn.h"
#include "distill/trajectory.h"
#include "evaluation/training_report.h"
#include "stages/compute.h"
#include "stages/warnings.h"
#include "train/classifier_training.h"

namespace reaugkd::stages {
namespace {

/// The teacher's step: hard labels, kept along the way for RCO, or with a student's branches.
std::unique_ptr<train::Objective> make_objective(const TeacherFinetuneOptions& options,
                                                 const data::TaskData& data,
                                                 const train::ModelOnData& rows,
                                                 train::Model& student,
                                                 const std::filesystem::path& directory) {
  if (!options.student_friendly.empty()) {
    const auto seed = static_cast<std::uint64_t>(options.run.seed);
    student = train::load_for_training(
        options.student_friendly, data,
        {options.training.init, options.student_layers, 0, options.training.embedding, seed});
    return std::make_unique<distill::StudentFriendlyObjective>(rows, student, data,
                                                               options.training, seed);
  }
  return std::make_unique<distill::TrajectoryObjective>(rows, data, options.training,
                                                        options.keep_trajectory, directory);
}

void check_consistent(const TeacherFinetuneOptions& options) {
  if (options.student_friendly.empty() && !options.student_layers.empty()) {
    throw base::ConfigError("--student-layers: of which student? give --student-friendly DIR");
  }
  if (options.keep_trajectory == 1) {
    throw base::ConfigError(
        "--keep-trajectory 1: one share is the teacher itself; give 2 or more, or 0");
  }
  if (!options.student_friendly.empty() && options.keep_trajectory > 0) {
    throw base::ConfigError(
        "--keep-trajectory and --student-friendly are for two methods (rco, sftn): make a teacher "
        "for each");
  }
}

}  // namespace

std::string run_teacher_finetune(TeacherFinetuneOptions options) {
  const auto fields = options.fields();
  if (run::already_finished("teacher-finetune", fields, TeacherFinetuneOptions().fields(),
                            options.run))
    return "";
  check_consistent(options);
  run::RunDirectory run("teacher-finetune", fields, TeacherFinetuneOptions().fields(), options.run);
  run.add_input_directory(options.model);
  if (!options.student_friendly.empty()) run.add_input_directory(options.student_friendly);
  const tensor::Compute compute = start_compute(options.run, /*training=*/true, run);

  Inherited none = inherit(options.model);
  none.settings.reset();  // a new task may begin from any checkpoint
  none.split.reset();
  const auto settings = resolve_settings(options.data, none);
  data::TaskData data = read_task_data(options.data, settings, none, run);
  data.train = labelled_part(data.train);

  const auto seed = static_cast<std::uint64_t>(options.run.seed);
  train::Model model = train::load_for_training(
      options.model, data,
      {options.training.init, {}, options.training.vocab_size, options.training.embedding, seed});
  train::Model student;  // of the branches
  const train::ModelOnData rows(model, data.train, settings, compute);
  const auto objective = make_objective(options, data, rows, student, run.path());
  const auto fit = train::train_classifier("teacher-finetune", rows, *objective, data,
                                           options.training, seed, train::files_of(run));
  if (options.keep_trajectory > 0) {
    distill::drop_late_anchors(run.path(), options.keep_trajectory, fit.best_step,
                               fit.planned_steps);
  }
  auto report = evaluation::training_report(data, fit, rows, train::files_of(run).log);
  tell(report.warnings);
  train::save_model(model, settings, run.path());
  data::save_split(data.split, run.path());
  run.finish(evaluation::to_json(report));
  return evaluation::training_summary("teacher-finetune", report) +
         fmt::format(
             "written to {0}; next: reaugkd project --teacher {0} --student MODEL --data {1} "
             "--output DIR\n",
             options.run.output, options.data.data);
}

}  // namespace reaugkd::stages
