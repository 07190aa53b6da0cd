#include "stages/teacher_finetune.h"

#include "core/error.h"
#include "stages/methods/sftn.h"
#include "stages/methods/trajectory.h"
#include "stages/training.h"

namespace reaugkd::stages {
namespace {

/// The teacher's step: hard labels, kept along the way for RCO, or with a student's branches.
std::unique_ptr<train::Step> make_step(const TeacherFinetuneOptions& options, const TaskData& data,
                                       const RowClassifier& rows, Model& student,
                                       const std::filesystem::path& directory) {
  if (!options.student_friendly.empty()) {
    const auto seed = static_cast<std::uint64_t>(options.run.seed);
    student = load_for_training(
        options.student_friendly, data,
        {options.training.init, options.student_layers, 0, options.training.embedding, seed});
    return std::make_unique<StudentFriendlyStep>(rows, student, data, options.training, seed);
  }
  return std::make_unique<TrajectoryStep>(rows, data, options.training, options.keep_trajectory,
                                          directory);
}

void check_consistent(const TeacherFinetuneOptions& options) {
  if (options.student_friendly.empty() && !options.student_layers.empty()) {
    throw core::ConfigError("--student-layers: of which student? give --student-friendly DIR");
  }
  if (options.keep_trajectory == 1) {
    throw core::ConfigError(
        "--keep-trajectory 1: one share is the teacher itself; give 2 or more, or 0");
  }
  if (!options.student_friendly.empty() && options.keep_trajectory > 0) {
    throw core::ConfigError(
        "--keep-trajectory and --student-friendly are for two methods (rco, sftn): make a teacher "
        "for each");
  }
}

}  // namespace

TeacherFinetuneOptions::TeacherFinetuneOptions() {
  training.epochs = 3;
}

core::OptionList TeacherFinetuneOptions::fields() {
  core::OptionList list;
  list.add({"model",
            "Model",
            &model,
            "directory with config.json, model.safetensors and a vocabulary",
            {},
            {},
            true});
  data.add_fields(list);
  list.at("task").required = true;
  training.add_fields(list);
  list.add({"keep-trajectory", "Rivals", &keep_trajectory,
            "distill --method rco: keep the teacher after each of N equal shares of its training; "
            "0: only the end",
            core::kNotNegative});
  list.add({"student-friendly", "Rivals", &student_friendly,
            "distill --method sftn: train with branches of this student model"});
  list.add({"student-layers", "Rivals", &student_layers,
            "its encoder layers to take, counted from 0 (none: all)", core::kNotNegative});
  run.add_fields(list);
  return list;
}

std::string run_teacher_finetune(TeacherFinetuneOptions options) {
  const auto fields = options.fields();
  if (already_finished("teacher-finetune", fields, TeacherFinetuneOptions().fields(), options.run))
    return "";
  check_consistent(options);
  StageRun run("teacher-finetune", fields, TeacherFinetuneOptions().fields(), options.run);
  run.add_input_directory(options.model);
  if (!options.student_friendly.empty()) run.add_input_directory(options.student_friendly);
  const Compute compute = start_compute(options.run, /*training=*/true, run);

  Inherited none = inherit(options.model);
  none.settings.reset();  // a new task may begin from any checkpoint
  none.split.reset();
  const auto settings = resolve_settings(options.data, none);
  TaskData data = read_task_data(options.data, settings, none, run);
  data.train = labelled_part(data.train);

  const auto seed = static_cast<std::uint64_t>(options.run.seed);
  Model model = load_for_training(
      options.model, data,
      {options.training.init, {}, options.training.vocab_size, options.training.embedding, seed});
  Model student;  // of the branches
  const RowClassifier rows(model, data.train, settings, compute);
  const auto step = make_step(options, data, rows, student, run.path());
  const core::Json metrics =
      train_classifier("teacher-finetune", rows, *step, data, options.training, seed, run);
  if (options.keep_trajectory > 0) {
    drop_late_anchors(run.path(), options.keep_trajectory, metrics["best_step"].get<std::int64_t>(),
                      metrics["planned_steps"].get<std::int64_t>());
  }
  save_model(model, settings, run.path());
  data::save_split(data.split, run.path());
  run.finish(metrics);
  return training_summary(
      "teacher-finetune", metrics, options.run.output,
      fmt::format("reaugkd project --teacher {} --student MODEL --data {} --output DIR",
                  options.run.output, options.data.data));
}

}  // namespace reaugkd::stages
