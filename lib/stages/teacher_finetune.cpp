#include "stages/teacher_finetune.h"

#include "core/error.h"
#include "losses/distillation.h"
#include "stages/training.h"

namespace reaugkd::stages {

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
  training.add_fields(list);
  run.add_fields(list);
  return list;
}

std::string run_teacher_finetune(TeacherFinetuneOptions options) {
  const auto fields = options.fields();
  if (already_finished("teacher-finetune", fields, options.run)) return "";
  StageRun run("teacher-finetune", fields, options.run);
  run.add_input_directory(options.model);
  const Compute compute = start_compute(options.run, /*training=*/true, run);

  Inherited none = inherit(options.model);
  none.settings.reset();  // a new task may begin from any checkpoint
  none.split.reset();
  const auto settings =
      resolve_settings(options.data, none, nn::load_config(options.model).id2label);
  const TaskData data = read_task_data(options.data, settings, none);
  run.add_input(data.train.path);
  if (!data.train.fully_labelled()) {
    throw core::DataError("{}: teacher-finetune needs a label in every row",
                          data.train.path.string());
  }

  const auto seed = static_cast<std::uint64_t>(options.run.seed);
  Model model = load_for_training(
      options.model, data,
      {options.training.init, {}, options.training.vocab_size, options.training.embedding, seed});
  const auto labels = torch::tensor(data.train.labels).to(compute.device);  // (N)
  const bool regression = settings.task.regression();
  const auto loss = [&](const nn::ClassifierOutput& output, const torch::Tensor& rows) {
    const auto targets = labels.index_select(0, rows);
    return train::LossTerms{regression ? losses::squared_error(output.logits, targets)
                                       : losses::hard_cross_entropy(output.logits, targets),
                            {}};
  };
  const core::Json metrics =
      train_classifier("teacher-finetune", model, data, options.training, seed, compute, loss, run);
  save_model(model, settings, run.path());
  data::save_split(data.split, run.path());
  run.finish(metrics);
  return training_summary("teacher-finetune", metrics, options.run.output,
                          "reaugkd project --teacher " + options.run.output);
}

}  // namespace reaugkd::stages
