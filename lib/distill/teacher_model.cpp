#include "distill/teacher_model.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "distill/given_teacher.h"
#include "models/family.h"
#include "train/features.h"

namespace reaugkd::distill {
namespace {

train::Model load_teacher(const MethodContext& context, TeacherModel::Use use) {
  const auto& settings = context.settings;
  if (use == TeacherModel::Use::kFrozen) {
    return train::load_trained(settings.teacher, context.data.settings);
  }
  train::TrainingInit init;
  init.embedding = settings.training.embedding;
  init.seed = settings.seed;
  return train::load_for_training(settings.teacher, context.data, init);
}

/// In eval mode and fp32: what a teacher says does not depend on batches.
train::Predictions outputs_on(const MethodContext& context, train::Model& teacher,
                              const text::EncodedDataset& rows) {
  teacher.classifier->to(context.compute().device);
  auto predict = teacher.predict_options(context.compute(), context.data.settings,
                                         context.settings.training.eval_batch_size);
  predict.precision = tensor::Precision::kFp32;
  predict.what = "teacher";
  return train::predict(teacher.classifier, rows, predict);
}

/// A given teacher's cached features for each row, as MethodContext::teacher_outputs.
train::Predictions features_of_all(const std::filesystem::path& teacher, const data::Dataset& rows,
                                   base::TaskKind kind) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  const auto positions = train::rows_with_features(teacher, "train", rows);
  const auto features = train::load_features(teacher, "train", rows.subset(positions));
  const auto index = torch::tensor(positions, torch::kInt64);
  const auto of_all = [&](const torch::Tensor& values) {
    if (!values.defined()) return values;
    return torch::full({rows.size(), values.size(1)}, kNone).index_copy(0, index, values);
  };
  const auto embeddings = of_all(features.embeddings);
  return {with_gold_labels(of_all(features.logits), rows, kind), embeddings, embeddings};
}

}  // namespace

PredictionLoss MethodContext::prediction() const {
  return {data.settings.task.kind(), settings.distill_temperature, settings.hard_label_weight};
}

train::Predictions MethodContext::outputs_of(const std::filesystem::path& teacher) const {
  train::Model model = train::load_trained(teacher, data.settings);
  return outputs_on(*this, model, model.encode(data.train, data.settings, compute()));
}

train::Predictions MethodContext::teacher_outputs() const {
  const auto kind = data.settings.task.kind();
  if (given != nullptr) {
    const auto logits = with_gold_labels(given->logits_of(data.train), data.train, kind);
    const auto embeddings =
        given->has_embeddings() ? given->embeddings_of(data.train) : torch::Tensor();
    return {logits, embeddings, embeddings};
  }
  if (!is_given_teacher(settings.teacher)) return outputs_of(settings.teacher);
  check_outputs_unchanged(settings.teacher);
  return features_of_all(settings.teacher, data.train, kind);
}

TeacherModel::TeacherModel(const MethodContext& context, Use use)
    : model_(load_teacher(context, use)),
      rows_(model_, context.data.train, context.data.settings, context.compute()),
      learning_rate_(context.settings.teacher_learning_rate),
      weight_decay_(context.settings.training.weight_decay) {}

train::Predictions TeacherModel::outputs(const MethodContext& context) {
  return outputs_on(context, model_, rows_.encoded());
}

std::vector<train::ParameterGroup> TeacherModel::parameter_groups() const {
  return train::decay_groups(*model_.classifier, learning_rate_, weight_decay_);
}

void TeacherModel::check_same_tokens_and_heads(const MethodContext& context,
                                               const std::string& method) const {
  const auto& settings = context.settings;
  const auto& student = context.student.model().config;
  if (student.num_attention_heads != model_.config.num_attention_heads) {
    throw base::ConfigError(
        "`method` {}: compares attention maps, but {} has {} attention heads and {} {}; take "
        "models with equally many, or another method",
        method, settings.teacher.string(), model_.config.num_attention_heads,
        settings.student.string(), student.num_attention_heads);
  }
  for (std::int64_t i = 0; i < context.data.train.size(); ++i) {
    const auto of_teacher = rows_.encoded().input_ids(i);
    const auto of_student = context.student.encoded().input_ids(i);
    if (std::ranges::equal(of_teacher, of_student)) continue;
    throw base::ConfigError(
        "`method` {}: compares tokens one by one, but the tokenizers of {} and {} cut texts "
        "differently, such as that of data row {}; take models with one tokenizer, or another "
        "method",
        method, settings.teacher.string(), settings.student.string(),
        context.data.train.rows[static_cast<std::size_t>(i)]);
  }
}

void TeacherModel::check_whole_attention(const MethodContext& context, const std::string& method,
                                         Compared layers) const {
  std::int64_t longest = 0;  // in tokens
  for (std::int64_t i = 0; i < rows_.encoded().size(); ++i) {
    longest = std::max(longest, rows_.encoded().length(i));
  }
  const auto check = [&](const models::ModelConfig& config, const std::string& where) {
    const auto last = config.num_hidden_layers - 1;
    for (auto layer = layers == Compared::kLastLayer ? last : 0; layer <= last; ++layer) {
      const auto window = config.family->attention_window(config, layer);
      if (window >= longest - 1) continue;
      throw base::ConfigError(
          "`method` {}: compares attention maps, but a token of layer {} of {} sees {} tokens to "
          "either side, and the longest text has {}; fine-tune the teacher with `max_seq_length` "
          "{}, or take another method",
          method, layer, where, window, longest, window + 1);
    }
  };
  check(model_.config, context.settings.teacher.string());
  check(context.student.model().config, context.settings.student.string());
}

}  // namespace reaugkd::distill
