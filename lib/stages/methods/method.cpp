#include "stages/methods/method.h"

#include <algorithm>

#include "core/error.h"

namespace reaugkd::stages {
namespace {

const std::vector<Method>& methods() {
  static const std::vector<Method> list = {
      {"reaugkd", Source::kKnowledgeBase, 0, 1, make_reaugkd},
      {"kd", Source::kKnowledgeBaseOrTeacher, 0, 1, make_kd},
      {"finetune", Source::kLabels, 1, 1, make_finetune},
      {"pkd", Source::kTeacher, 0.5, 10, make_pkd},
      {"rkd", Source::kTeacher, 1, 1, make_rkd},
      {"tinybert", Source::kTeacher, 0, 1, make_tinybert},
      {"minilm", Source::kTeacher, 0, 1, make_minilm},
      {"takd", Source::kTeacher, 0, 1, make_takd},
      {"rco", Source::kTeacher, 0, 1, make_rco},
      {"sftn", Source::kTeacher, 0, 1, make_sftn},
      {"dml", Source::kTeacher, 0.5, 1, make_dml},
      {"prokt", Source::kTeacher, 0, 1, make_prokt},
      {"metadistil", Source::kTeacher, 0.5, 2, make_metadistil, 1e-5},
  };
  return list;
}

Model load_teacher(const MethodContext& context, LiveTeacher::Use use) {
  const auto& options = context.options;
  if (use == LiveTeacher::Use::kFrozen) return load_trained(options.teacher, context.data.settings);
  TrainingInit init;
  init.embedding = options.training.embedding;
  init.seed = static_cast<std::uint64_t>(options.run.seed);
  return load_for_training(options.teacher, context.data, init);
}

/// In eval mode and fp32: what a teacher says does not depend on batches.
train::Predictions outputs_on(const MethodContext& context, Model& teacher,
                              const text::EncodedDataset& rows) {
  teacher.classifier->to(context.compute().device);
  auto predict = teacher.predict_options(context.compute(), context.data.settings,
                                         context.options.training.eval_batch_size);
  predict.precision = tensor::Precision::kFp32;
  predict.what = "teacher";
  return train::predict(teacher.classifier, rows, predict);
}

}  // namespace

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const auto& method : methods()) names.push_back(method.name);
  return names;
}

const Method& method_by_name(const std::string& name) {
  for (const auto& method : methods()) {
    if (method.name == name) return method;
  }
  throw core::InternalError("no method {}", name);
}

PredictionLoss MethodContext::prediction() const {
  return {data.settings.task.regression(), options.distill_temperature.value(),
          options.hard_label_weight.value()};
}

train::Predictions MethodContext::outputs_of(const std::filesystem::path& teacher) const {
  Model model = load_trained(teacher, data.settings);
  return outputs_on(*this, model, model.encode(data.train, data.settings, compute().threads));
}

LiveTeacher::LiveTeacher(const MethodContext& context, Use use)
    : model_(load_teacher(context, use)),
      rows_(model_, context.data.train, context.data.settings, context.compute()),
      learning_rate_(context.options.teacher_learning_rate.value()),
      weight_decay_(context.options.training.weight_decay) {}

train::Predictions LiveTeacher::outputs(const MethodContext& context) {
  return outputs_on(context, model_, rows_.encoded());
}

std::vector<train::ParameterGroup> LiveTeacher::parameter_groups() const {
  return train::decay_groups(*model_.classifier, learning_rate_, weight_decay_);
}

void LiveTeacher::check_same_tokens_and_heads(const MethodContext& context) const {
  const auto& options = context.options;
  const auto& student = context.student.model().config;
  if (student.num_attention_heads != model_.config.num_attention_heads) {
    throw core::ConfigError(
        "--method {}: compares attention maps, but {} has {} attention heads and {} {}; take "
        "models with equally many, or another method",
        options.method, options.teacher, model_.config.num_attention_heads, options.student,
        student.num_attention_heads);
  }
  for (std::int64_t i = 0; i < context.data.train.size(); ++i) {
    const auto of_teacher = rows_.encoded().input_ids(i);
    const auto of_student = context.student.encoded().input_ids(i);
    if (std::ranges::equal(of_teacher, of_student)) continue;
    throw core::ConfigError(
        "--method {}: compares tokens one by one, but the tokenizers of {} and {} cut texts "
        "differently, such as that of data row {}; take models with one tokenizer, or another "
        "method",
        options.method, options.teacher, options.student,
        context.data.train.rows[static_cast<std::size_t>(i)]);
  }
}

}  // namespace reaugkd::stages
