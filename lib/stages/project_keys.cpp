#include "stages/project_keys.h"

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "run/run_files.h"
#include "run/run_record.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;

/// The model that teacher-finetune began from, as the teacher's run has recorded it; empty:
/// unknown.
fs::path model_of_teacher(const fs::path& teacher) {
  for (const char* name : {run::kTeacherRunFile, run::kRunFile}) {
    const fs::path path = teacher / name;
    if (!fs::exists(path)) continue;
    const auto record = base::read_json(path);
    const auto options = base::json_value(record, "options", base::Json::object(), path.string());
    return base::json_value<std::string>(options, "model", "", path.string());
  }
  return "";
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

/// L, trained and on the CPU.
distill::Projection trained_projection(const ProjectOptions& options,
                                       const TeacherFeatures& features, const data::TaskData& data,
                                       const LabelledRows& labelled, std::int64_t dimension,
                                       const tensor::Compute& compute, const run::RunDirectory& run,
                                       std::optional<train::FitResult>& fit) {
  auto projection =
      distill::draw_projection(dimension, features.train.embeddings.size(1),
                               static_cast<std::uint64_t>(options.run.seed), compute.device);
  fit = fit_projection(options, features, data, labelled, run, projection);
  return {projection.weight.detach().to(torch::kCPU), projection.bias.detach().to(torch::kCPU)};
}

/// How the keys and their parts answer for held-out rows.
metrics::Scores judge(const distill::KeyMaker& maker, const TeacherFeatures& features,
                      const data::TaskData& data, const LabelledRows& labelled, double tau) {
  const auto held_out_labels = positive_labels(data.validation, data.settings.task.kind());
  const auto accuracy = [&](const torch::Tensor& train, const torch::Tensor& held_out) {
    return distill::knn_accuracy(train.index_select(0, labelled.positions), labelled.labels,
                                 held_out, held_out_labels, tau);
  };
  metrics::Scores scores;
  scores.add("knn_accuracy", accuracy(maker.keys(features.train), maker.keys(features.validation)));
  if (maker.space == distill::Space::kBoth) {
    scores.add("knn_accuracy_projection",
               accuracy(maker.z(features.train), maker.z(features.validation)));
    scores.add("knn_accuracy_pretrained",
               accuracy(maker.e(features.train), maker.e(features.validation)));
  }
  return scores;
}

}  // namespace

KeyDimensions dimensions_of(const ProjectOptions& options, std::int64_t teacher,
                            std::int64_t pretrained) {
  if (!options.student.empty() && options.dim) {
    throw base::ConfigError("--student and --dim exclude one another: the dimension is either");
  }
  if (options.student.empty() && !options.dim) return {teacher, pretrained};
  const auto wanted = options.dim ? *options.dim : models::load_config(options.student).hidden_size;
  return {wanted, wanted};
}

fs::path pretrained_directory(const ProjectOptions& options) {
  if (options.space == distill::to_string(distill::Space::kProjection)) {
    if (options.pretrained.empty()) return "";
    throw base::ConfigError(
        "--pretrained: --space projection does not read it; give --space pretrained or both");
  }
  if (!options.pretrained.empty()) return options.pretrained;
  if (!options.teacher_outputs.empty()) {
    throw base::ConfigError(
        "--space {} needs --pretrained, the checkpoint whose encoder makes the embeddings",
        options.space);
  }
  const fs::path began_from = model_of_teacher(options.teacher);
  if (!began_from.empty() && fs::exists(began_from / "config.json")) {
    spdlog::info("--pretrained: {}, which {} began from", began_from.string(), options.teacher);
    return began_from;
  }
  throw base::ConfigError(
      "--space {} needs --pretrained, the checkpoint whose encoder makes the embeddings: {}",
      options.space,
      began_from.empty() ? options.teacher + " does not say which model it began from"
                         : began_from.string() + ", which the teacher began from, is not there");
}

MadeKeys make_keys(const ProjectOptions& options, const TeacherFeatures& features,
                   const data::TaskData& data, const LabelledRows& labelled,
                   const KeyDimensions& dimensions, const tensor::Compute& compute,
                   const run::RunDirectory& run) {
  MadeKeys made;
  auto& maker = made.maker;
  maker.space = distill::parse_space(options.space);
  if (maker.space != distill::Space::kPretrained) {
    maker.projection =
        trained_projection(options, features, data, labelled, dimensions.z, compute, run, made.fit);
    made.dimension += dimensions.z;
  }
  if (!maker.reads_pretrained()) {
    made.validation = made.fit->best.details;
    return made;
  }
  maker.pretrained_embedding = models::parse_pooling(options.pretrained_embedding);
  maker.pretrained_weight = options.pretrained_weight;
  made.dimension += dimensions.e;
  if (const auto width = features.train.pretrained.size(1); width != dimensions.e) {
    const auto found = distill::principal_axes(features.train.pretrained, dimensions.e);
    maker.axes = found.axes;
    made.kept = found.kept;
    spdlog::info("the pretrained embeddings of width {} on {} axes: {:.1f} % of the squared length",
                 width, dimensions.e, 100 * found.kept);
  }
  made.validation = judge(maker, features, data, labelled, options.tau);
  return made;
}

}  // namespace reaugkd::stages
