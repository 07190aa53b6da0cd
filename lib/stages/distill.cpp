#include "stages/distill.h"

#include "base/random.h"
#include "distill/trajectory.h"
#include "evaluation/training_report.h"
#include "stages/compute.h"
#include "stages/distill_data.h"
#include "stages/teacher_outputs.h"
#include "stages/warnings.h"
#include "train/classifier_training.h"

namespace reaugkd::stages {
namespace {

/// Everything that the student's weights depend on.
void add_inputs(const DistillOptions& options, const distill::MethodInfo& method,
                run::RunDirectory& run) {
  run.add_input_directory(options.student);
  for (const auto& directory : {options.kb, options.teacher}) {
    if (!directory.empty()) run.add_input_directory(directory);
  }
  if (!method.follows_trajectory) return;
  for (const auto& anchor : distill::trajectory_of(options.teacher)) {
    if (anchor != options.teacher) run.add_anchor(options.teacher, anchor);
  }
}

std::string next_command(const DistillOptions& options) {
  return fmt::format("written to {0}; next: reaugkd eval --model {0}{1} --data {2} --output DIR\n",
                     options.run.output, options.kb.empty() ? "" : " --kb " + options.kb,
                     options.data.data);
}

}  // namespace

std::string run_distill(DistillOptions options) {
  const distill::Method& method = options.resolve();
  const auto& info = method.info();
  const auto fields = options.fields();
  if (run::already_finished("distill", fields, DistillOptions().fields(), options.run)) return "";
  options.check_sources(info);
  const distill::DistillSettings distill_settings = options.settings();
  method.check(distill_settings);
  const Inherited inherited = inherit(inherited_from(options));
  const auto settings = resolve_settings(options.data, inherited);
  check_others(options, inherited, settings);
  run::RunDirectory run("distill", fields, DistillOptions().fields(), options.run);
  options.warn_of_unused(info, settings.task);
  add_inputs(options, info, run);
  const tensor::Compute compute = start_compute(options.run, /*training=*/true, run);
  data::TaskData data = read_task_data(options.data, settings, inherited, run);
  std::optional<distill::TeacherOutputs> outputs;
  if (!options.teacher_outputs.empty()) {
    outputs.emplace(read_outputs(options.teacher_outputs, data, run));
    take_out_unanswered(*outputs, /*embeddings=*/false, data);
  }
  check_labels(options, info, data.train);

  const auto seed = distill_settings.seed;
  const data::Dataset quiz = take_quiz(data, method.quiz_share(), info.name, seed);
  // Where the task's order is not the student's own, or told.
  const bool other_order_possible =
      options.data.label_order.empty() && inherited.directory != options.student;
  const auto& training = options.training;
  // Not the teacher's stream: with its seed the student would begin with the teacher's own head.
  train::Model student = train::load_for_training(
      options.student, data,
      {training.init, options.student_layers, training.vocab_size, training.embedding,
       base::stream_seed(seed, "student"), other_order_possible});
  if (info.learns_key_space) student.trained_towards = key_space_of(options);
  const train::ModelOnData rows(student, data.train, settings, compute);
  const auto objective =
      method.make({distill_settings, data, rows, quiz, outputs ? &*outputs : nullptr});
  outputs.reset();
  const auto fit = train::train_classifier("distill", rows, *objective, data, training, seed,
                                           train::files_of(run));
  auto report = evaluation::training_report(data, fit, rows, train::files_of(run).log);
  report.method = info.name;
  tell(report.warnings);
  train::save_model(student, settings, run.path());
  data::save_split(data.split, run.path());
  run.finish(evaluation::to_json(report));
  return evaluation::training_summary("distill --method " + info.name, report) +
         next_command(options);
}

}  // namespace reaugkd::stages
