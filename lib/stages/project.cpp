#include "stages/project.h"

#include <spdlog/spdlog.h>

#include <cmath>

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "losses/contrastive.h"
#include "retrieval/aggregation.h"
#include "retrieval/index.h"
#include "stages/features.h"
#include "stages/model.h"
#include "stages/stage_files.h"
#include "train/fit.h"

namespace reaugkd::stages {
namespace {

constexpr std::int64_t kNeighbors = 16;  // of the k-NN accuracy that picks the epoch

/// What counts as the same label in equation 1: the class, or the rounded score. (n) fp32
torch::Tensor positive_labels(const data::Dataset& rows, bool regression) {
  auto labels = rows.labels;
  for (float& label : labels) {
    if (regression) label = std::round(label);  // 2.5 to 3, as in the split's strata
  }
  return torch::tensor(labels);
}

/// Share of held-out rows whose label is the one with the largest weight among their k nearest
/// train rows. Only the projection is judged: neither the head nor the student takes part.
double knn_accuracy(const torch::Tensor& train_z, const torch::Tensor& train_labels,
                    const torch::Tensor& held_out_z, const torch::Tensor& held_out_labels,
                    double tau) {
  const auto [labels, classes] =
      at::_unique(train_labels, /*sorted=*/true, /*return_inverse=*/true);
  const auto one_hot = torch::one_hot(classes, labels.numel()).to(torch::kCPU, torch::kFloat32);
  const auto index = retrieval::make_exact_index(train_z);
  const auto votes = retrieval::aggregate(index->search(held_out_z, kNeighbors), one_hot, tau);
  const auto predicted = labels.index_select(0, votes.argmax(1).to(labels.device()));
  return (predicted == held_out_labels).to(torch::kFloat64).mean().item<double>();
}

/// L over cached features; the loss is equation 1.
class ProjectionStep : public train::Step {
 public:
  ProjectionStep(Projection& projection, torch::Tensor features, torch::Tensor labels,
                 const ProjectOptions& options)
      : projection_(projection),
        features_(std::move(features)),
        labels_(std::move(labels)),
        options_(options) {}

  train::LossTerms loss(const std::vector<std::int64_t>& rows) override {
    const auto index = tensor::send(torch::tensor(rows, torch::kInt64), features_.device());
    const auto z = projection_.apply(features_.index_select(0, index));
    return {losses::supervised_contrastive(z, labels_.index_select(0, index), options_.tau), {}};
  }
  std::vector<train::ParameterGroup> parameter_groups() override {
    return {{{projection_.weight}, options_.learning_rate, options_.weight_decay},
            {{projection_.bias}, options_.learning_rate, 0}};
  }
  void set_training(bool) override {}

 private:
  Projection& projection_;
  torch::Tensor features_;
  torch::Tensor labels_;
  const ProjectOptions& options_;
};

/// L drawn from N(0, 1/H), so that it keeps the length of what it projects.
Projection draw_projection(std::int64_t dimension, std::int64_t hidden_size, std::uint64_t seed,
                           const torch::Device& device) {
  torch::manual_seed(core::stream_seed(seed, "init projection"));
  const auto weight = torch::randn({dimension, hidden_size}) / std::sqrt(hidden_size);
  return {weight.to(device).requires_grad_(true),
          torch::zeros({dimension}).to(device).requires_grad_(true)};
}

std::int64_t dimension_of(const ProjectOptions& options, const nn::BertConfig& teacher) {
  if (!options.student.empty() && options.dim) {
    throw core::ConfigError("--student and --dim exclude one another: the dimension is either");
  }
  if (!options.student.empty()) return nn::load_config(options.student).hidden_size;
  return options.dim.value_or(teacher.hidden_size);
}

/// What the teacher says of both parts of the task.
struct TeacherFeatures {
  Features train;
  Features validation;
};

/// Computed and kept in features.safetensors, or taken from there where a stopped run left them.
TeacherFeatures teacher_features(Model& teacher, const TaskData& data, const Compute& compute,
                                 const ProjectOptions& options, const StageRun& run) {
  const std::string mark = run.inputs_digest();
  if (options.run.resume && features_mark(run.path()) == mark) {
    spdlog::info("goes on with the teacher's features of the stopped run");
    return {load_features(run.path(), "train", data.train),
            load_features(run.path(), "validation", data.validation)};
  }
  const auto features_of = [&](const data::Dataset& rows) {
    return compute_features(teacher, rows, data.settings, compute, options.eval_batch_size);
  };
  TeacherFeatures features{features_of(data.train), features_of(data.validation)};
  teacher.classifier->to(torch::kCPU);
  save_features(features.train, features.validation, mark, run.path());
  return features;
}

/// How the teacher was fine-tuned travels with it, for build-kb --cross-fit.
void carry_teacher_run(const std::filesystem::path& teacher, const std::filesystem::path& output) {
  for (const char* name : {kTeacherRunFile, "run.json"}) {  // the first of a projected teacher
    if (!std::filesystem::exists(teacher / name)) continue;
    core::write_file(output / kTeacherRunFile, core::read_file(teacher / name));
    return;
  }
}

/// The rows that equation 1 knows.
struct LabelledRows {
  torch::Tensor positions;  // [n]
  torch::Tensor labels;     // [n]
};

LabelledRows labelled_rows(const data::Dataset& rows, bool regression) {
  const auto labels = positive_labels(rows, regression);
  const auto positions = torch::isnan(labels).logical_not().nonzero().squeeze(1);
  if (positions.numel() < 2) {
    throw core::DataError("{}: {} of its rows to train on have labels, equation 1 needs 2",
                          rows.path.string(), positions.numel());
  }
  return {positions, labels.index_select(0, positions)};
}

/// Trains L; returns it on the CPU, without gradient.
Projection fit_projection(const ProjectOptions& options, std::int64_t dimension,
                          const LabelledRows& labelled, const TeacherFeatures& teacher,
                          const TaskData& data, const Compute& compute, const StageRun& run,
                          core::Json& metrics) {
  const bool regression = data.settings.task.regression();
  const auto seed = static_cast<std::uint64_t>(options.run.seed);
  const auto& labels = labelled.labels;
  const auto features =
      teacher.train.embeddings.index_select(0, labelled.positions).to(compute.device);
  const auto held_out = teacher.validation.embeddings.to(compute.device);
  const auto held_out_labels = positive_labels(data.validation, regression);

  Projection projection = draw_projection(dimension, features.size(1), seed, compute.device);
  ProjectionStep step(projection, features, labels.to(compute.device), options);
  const auto batches = [&](std::int64_t epoch) {  // uniformly random: negatives are the batch
    return train::shuffled_batches(labels.numel(), options.batch_size, seed, epoch);
  };
  const auto validate = [&] {
    const torch::NoGradGuard no_grad;
    train::Validation validation;
    validation.score = knn_accuracy(projection.apply(features), labels, projection.apply(held_out),
                                    held_out_labels, options.tau);
    validation.details = {{"knn_accuracy", validation.score}};
    return validation;
  };
  train::FitOptions fit;
  fit.what = "project";
  fit.epochs = options.epochs;
  fit.warmup_ratio = options.warmup_ratio;
  fit.max_grad_norm = options.max_grad_norm;
  fit.seed = seed;
  fit.checkpoint = run.checkpoint_options();
  const auto result = train::fit(fit, step, batches, validate, run.path() / "train_log.jsonl");
  metrics["validation"] = result.best.details;
  metrics["best_epoch"] = result.best_epoch;
  metrics["steps"] = result.steps;
  metrics["timing"]["training_seconds"] = result.seconds;
  return {projection.weight.detach().to(torch::kCPU), projection.bias.detach().to(torch::kCPU)};
}

}  // namespace

core::OptionList ProjectOptions::fields() {
  core::OptionList list;
  list.add({"teacher", "Model", &teacher, "fine-tuned classifier", {}, {}, true});
  list.add({"student", "Model", &student, "model whose hidden size becomes the dimension D"});
  list.add({"dim", "Model", &dim, "the dimension D (neither: the teacher's hidden size)",
            core::Range{1, 65536}});
  list.add({"embedding", "Model", &embedding,
            "cls, mean or pooler: the teacher's state t (inherited, else cls)"});
  data.add_fields(list);
  const char* group = "Training";
  list.add({"epochs", group, &epochs, "passes over the cached features", core::kCount});
  list.add({"batch-size", group, &batch_size, "rows of a batch: negatives come from it",
            core::Range{2, 1000000}});
  list.add(
      {"eval-batch-size", group, &eval_batch_size, "rows the teacher sees at once", core::kCount});
  list.add({"learning-rate", group, &learning_rate, "peak rate of AdamW", core::kPositive});
  list.add(
      {"warmup-ratio", group, &warmup_ratio, "share of the steps with a rising rate", core::kUnit});
  list.add({"weight-decay", group, &weight_decay, "of L's matrix", core::kNotNegative});
  list.add({"max-grad-norm", group, &max_grad_norm, "gradients are clipped to it; 0: not",
            core::kNotNegative});
  list.add({"tau", group, &tau, "temperature of equation 1", core::kPositive});
  run.add_fields(list);
  return list;
}

std::string run_project(ProjectOptions options) {
  const auto fields = options.fields();
  if (already_finished("project", fields, ProjectOptions().fields(), options.run)) return "";
  const Inherited inherited = inherit(options.teacher);
  const auto teacher_config = nn::load_config(options.teacher);
  const auto settings = resolve_settings(options.data, inherited);
  const std::int64_t dimension = dimension_of(options, teacher_config);
  StageRun run("project", fields, ProjectOptions().fields(), options.run);
  run.add_input_directory(options.teacher);
  if (!options.student.empty()) {
    run.add_input(std::filesystem::path(options.student) / "config.json");  // of D
  }
  const Compute compute = start_compute(options.run, /*training=*/false, run);
  if (!inherited.split) {
    spdlog::warn(
        "{} was not trained here and may have seen every row: the holdout starts at this stage",
        options.teacher);
  }
  const TaskData data = read_task_data(options.data, settings, inherited, run);
  const LabelledRows labelled = labelled_rows(data.train, settings.task.regression());

  Model teacher = load_trained(options.teacher, settings);
  if (!options.embedding.empty()) teacher.embedding = nn::parse_embedding(options.embedding);
  const auto features = teacher_features(teacher, data, compute, options, run);

  core::Json metrics = {{"task", settings.task.name},
                        {"dimension", dimension},
                        {kTeacherSawHoldout, !inherited.split && data.split.validation.holdout}};
  const double feature_seconds = run.seconds();
  const Projection projection =
      fit_projection(options, dimension, labelled, features, data, compute, run, metrics);
  metrics["timing"]["feature_seconds"] = feature_seconds;
  save_model(teacher, settings, run.path());
  save_projection(projection, run.path());
  data::save_split(data.split, run.path());
  carry_teacher_run(options.teacher, run.path());
  run.finish(metrics);
  return fmt::format(
      "project: D = {}, k-NN accuracy of held-out rows {:.4f} (k = {}, best epoch {:.0f})\n"
      "written to {}; next: reaugkd build-kb --teacher {} --data {} --output DIR\n",
      dimension, metrics["validation"]["knn_accuracy"].get<double>(), kNeighbors,
      metrics["best_epoch"].get<double>(), options.run.output, options.run.output,
      options.data.data);
}

}  // namespace reaugkd::stages
