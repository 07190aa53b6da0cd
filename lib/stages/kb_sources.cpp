#include "stages/kb_sources.h"

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "base/sha256.h"
#include "distill/knowledge_base_rows.h"
#include "evaluation/calibration.h"
#include "models/classifier.h"
#include "retrieval/kb_editing.h"
#include "stages/warnings.h"

namespace reaugkd::stages {
namespace {

/// The embeddings in the type that --kb-dtype asks for; the index is then over what is stored.
void store_as(const BuildKbOptions& options, retrieval::KnowledgeBase& kb) {
  if (options.kb_dtype == "auto") return;
  const auto now = kb.embeddings.scalar_type();
  const auto wanted = retrieval::dtype_by_name(options.kb_dtype);
  if (now == torch::kFloat16 && wanted == torch::kFloat32) {
    throw base::ConfigError(
        "--kb-dtype fp32: {} has rounded its embeddings to fp16, and what was dropped cannot come "
        "back; build it anew",
        options.extend);
  }
  kb.embeddings = kb.embeddings.to(wanted);
}

/// metrics.json of an earlier stage; empty where it was not copied along.
base::Json metrics_of(const std::filesystem::path& directory) {
  const auto path = directory / run::kMetricsFile;
  return std::filesystem::exists(path) ? base::read_json(path) : base::Json::object();
}

/// Puts what teachers say that did not see the rows in place of what the teacher says.
void cross_fit(const BuildKbOptions& options, const data::TaskData& data,
               const tensor::Compute& compute, retrieval::KnowledgeBase& kb, run::RunDirectory& run,
               evaluation::KbReport& report) {
  const double before = run.seconds();
  const data::Task& task = data.settings.task;
  report.teacher_on_seen_rows =
      evaluation::soft_label_quality(task, kb.soft_labels, data.train.labels);
  report.cross_fit.emplace();
  kb.logits = cross_fitted_logits(options.cross_fit, options.teacher, data, options.run, compute,
                                  options.eval_batch_size, run, *report.cross_fit);
  kb.soft_labels = train::probabilities_of(kb.logits, task.kind());
  kb.provenance.cross_fit_folds = options.cross_fit.folds;
  report.cross_fit->seconds = run.seconds() - before;
}

/// Whether --teacher is the one that made the rows of --extend: else their z would not compare.
void check_same_teacher(const BuildKbOptions& options, const retrieval::KnowledgeBase& kb) {
  const std::filesystem::path directory = options.teacher;
  distill::load_projection(directory, models::load_config(directory).hidden_size);  // it has one
  const auto& space = kb.provenance.key_space;
  for (const auto& [known, file] : {std::pair(space.teacher_sha256, "model.safetensors"),
                                    std::pair(space.projection_sha256, "projection.safetensors")}) {
    const std::string made_by = known.empty() ? "unknown" : known;
    const std::string given = base::sha256_of_file(directory / file);
    if (made_by != given) {
      throw base::ArtifactError(
          "{} was made by a teacher whose {} has sha256 {}, {} has {}: give that teacher, or build "
          "the knowledge base anew",
          options.extend, file, made_by, options.teacher, given);
    }
  }
}

data::Split split_of(const std::string& name) {
  return name == "train" ? data::Split::kTrain
         : name == "dev" ? data::Split::kDev
                         : data::Split::kTest;
}

/// The rows of one more file, embedded by the teacher; their soft labels are its own or given.
retrieval::KnowledgeBase rows_of_file(const BuildKbOptions& options, const std::string& file,
                                      const data::TaskSettings& settings, const Inherited& kb,
                                      train::Model& teacher, const tensor::Compute& compute) {
  auto layout = settings.task.layout(split_of(options.extend_columns));
  layout.label_may_be_absent = true;  // then the teacher labels them
  if (options.extend_labels == "given") {
    layout.distribution_names = settings.task.distribution_names();
  }
  const auto rows = data::read_dataset(file, settings.task, layout, options.data.bad_rows());
  if (kb.split && kb.split->train_sha256 == rows.sha256) {
    throw base::ConfigError(
        "--extend-files {}: is the training file of {}, whose held-out rows must stay out; give "
        "new rows",
        file, options.extend);
  }
  spdlog::info("{}: {} rows to add", file, rows.size());
  const auto features =
      train::compute_features(teacher, rows, settings, compute, options.eval_batch_size);
  return distill::knowledge_base_of(
      features, distill::load_projection(options.teacher, teacher.config.hidden_size), rows,
      settings.task.kind());
}

/// --keys: s of every row by the student, as kNN-LM has it, in place of z. The student's queries
/// then lie among the keys.
void take_keys(const BuildKbOptions& options, const data::TaskSettings& settings,
               const tensor::Compute& compute, run::RunDirectory& run,
               retrieval::KnowledgeBase& kb) {
  run.add_input_directory(options.keys);
  const Inherited student_says = inherit(options.keys);
  check_class_order(options.data, student_says, settings);
  check_same_task(student_says, settings, options.extend);
  train::Model student = train::load_trained(options.keys, settings);
  student.classifier->to(compute.device);
  auto predict = student.predict_options(compute, settings, options.eval_batch_size);
  predict.what = "the student's keys";
  const auto outputs =
      train::predict(student.classifier,
                     student.encode(distill::dataset_of(kb), settings, compute.threads), predict);
  kb.embeddings = models::unit_rows(outputs.embeddings).to(kb.embeddings.scalar_type());
  kb.provenance.key_space.student_sha256 =
      base::sha256_of_file(std::filesystem::path(options.keys) / "model.safetensors");
}

/// The rows of --extend-files behind those of `kb`.
void add_files(const BuildKbOptions& options, const data::TaskSettings& settings,
               const Inherited& inherited, const tensor::Compute& compute, run::RunDirectory& run,
               retrieval::KnowledgeBase& kb) {
  if (options.teacher.empty()) {
    throw base::ConfigError("--extend-files needs --teacher, which embeds and labels the rows");
  }
  if (kb.provenance.key_space.of_student()) {
    throw base::ConfigError(
        "--extend-files: the keys of {} are a student's, the teacher's z of new rows do not "
        "compare; extend the knowledge base that it was made of, with --keys again",
        options.extend);
  }
  check_same_teacher(options, kb);
  train::Model teacher = train::load_trained(options.teacher, settings);
  for (const auto& file : options.extend_files) {
    run.add_input(file);
    kb = retrieval::joined(kb, rows_of_file(options, file, settings, inherited, teacher, compute));
  }
}

}  // namespace

KbSource rows_of_features(const BuildKbOptions& options, const tensor::Compute& compute,
                          run::RunDirectory& run, evaluation::KbReport& report) {
  const std::filesystem::path directory = options.teacher;
  const Inherited inherited = inherit(directory);
  const auto teacher = models::load_config(directory);
  const auto settings = resolve_settings(options.data, inherited);
  const data::TaskData data = read_task_data(options.data, settings, inherited, run);
  const auto kind = settings.task.kind();
  auto kb = distill::knowledge_base_of(train::load_features(directory, "train", data.train),
                                       distill::load_projection(directory, teacher.hidden_size),
                                       data.train, kind);
  const auto held_out = train::load_features(directory, "validation", data.validation);
  const auto held_out_labels = train::probabilities_of(held_out.logits, kind);
  report.teacher_on_validation =
      evaluation::soft_label_quality(settings.task, held_out_labels, data.validation.labels);
  auto warnings =
      evaluation::prediction_warnings("the teacher, on the validation part,", settings.task,
                                      held_out_labels, data.validation.labels);
  tell(warnings);
  evaluation::append(report.warnings, warnings);
  kb.provenance.task_settings = settings.to_json();
  kb.provenance.key_space.teacher_sha256 = base::sha256_of_file(directory / "model.safetensors");
  kb.provenance.key_space.projection_sha256 =
      base::sha256_of_file(directory / "projection.safetensors");
  kb.provenance.teacher_saw_holdout =
      base::json_value(metrics_of(directory), "teacher_saw_holdout", false, directory.string());
  store_as(options, kb);
  if (options.cross_fit.folds > 0) cross_fit(options, data, compute, kb, run, report);
  data::save_split(data.split, run.path());
  return {std::move(kb), settings};
}

KbSource changed_knowledge_base(const BuildKbOptions& options, const tensor::Compute& compute,
                                run::RunDirectory& run, evaluation::KbReport& report) {
  run.add_input_directory(options.extend);
  const Inherited inherited = inherit(options.extend);
  const auto settings = resolve_settings(options.data, inherited);
  auto kb = retrieval::load_knowledge_base(options.extend);
  store_as(options, kb);
  if (!options.remove.empty()) kb = retrieval::without(kb, options.remove);
  if (!options.extend_files.empty()) {
    add_files(options, settings, inherited, compute, run, kb);
  }
  if (!options.keys.empty()) take_keys(options, settings, compute, run, kb);
  kb.provenance.task_settings = settings.to_json();
  if (inherited.split) data::save_split(*inherited.split, run.path());
  // Of the rows it was built of: those that are added have a figure in teacher_on_kb.
  const auto before = metrics_of(options.extend);
  const auto known = [&](const char* part) {
    return before.contains(part) ? metrics::scores_of_json(before[part], options.extend)
                                 : metrics::Scores();
  };
  report.teacher_on_seen_rows = known("teacher_on_seen_rows");
  report.teacher_on_validation = known("teacher_on_validation");
  return {std::move(kb), settings};
}

}  // namespace reaugkd::stages
