#include "stages/kb_sources.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/names.h"
#include "distill/knowledge_base_rows.h"
#include "evaluation/calibration.h"
#include "evaluation/hints.h"
#include "evaluation/new_rows.h"
#include "models/classifier.h"
#include "models/model_directory.h"
#include "retrieval/kb_editing.h"
#include "stages/data_files.h"
#include "stages/kb_keys.h"
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

/// How a k-NN over the teacher's keys does on the held-out rows, as `project` has measured; empty
/// where that is not known.
metrics::Scores knn_on_validation(const std::filesystem::path& teacher) {
  const auto metrics = metrics_of(teacher);
  const auto found = metrics.find("validation");
  if (found == metrics.end() || !found->contains("knn_accuracy")) return {};
  return {{"accuracy", base::json_at<double>(*found, "knn_accuracy", teacher.string())}};
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
  if (kb.provenance.key_space.of_student() && options.keys.empty()) {
    throw base::ConfigError(
        "--extend-files: the keys of {} are a student's, the teacher's z of new rows do not "
        "compare; give that student with --keys",
        options.extend);
  }
  const std::filesystem::path directory = options.teacher;
  distill::load_key_maker(directory, models::load_config(directory).hidden_size);  // it has one
  const auto& space = kb.provenance.key_space;
  const auto own = distill::key_space_of(directory);
  for (const auto& [known, given, file] :
       {std::tuple(space.teacher_sha256, own.teacher_sha256, "model.safetensors"),
        std::tuple(space.projection_sha256, own.projection_sha256, "projection.safetensors"),
        std::tuple(space.pretrained_sha256, own.pretrained_sha256, "pretrained/")}) {
    if (known != given) {
      throw base::ArtifactError(
          "{} was made by a teacher whose {} has sha256 {}, {} has {}: give that teacher, or build "
          "the knowledge base anew",
          options.extend, file, known.empty() ? "unknown" : known, options.teacher, given);
    }
  }
}

data::Split split_of(const std::string& name) {
  return name == "train" ? data::Split::kTrain
         : name == "dev" ? data::Split::kDev
                         : data::Split::kTest;
}

/// The task with the classes that `kb` has learnt.
data::Task task_of(const data::TaskSettings& settings, const retrieval::KnowledgeBase& kb) {
  return data::with_new_classes(settings.task, kb.new_classes);
}

/// How a file to add looks: as a split of the task's, but for what its name and options say.
data::Task task_of_rows(const BuildKbOptions& options, const std::string& file, data::Task task) {
  task = task_of_file(options.data, task, file);
  auto& layout = task.train;
  layout = task.layout(split_of(options.extend_columns));
  layout.label_may_be_absent = options.extend_labels != "labels";
  if (options.extend_labels == "given") layout.distribution_names = task.distribution_names();
  return task;
}

/// One file to add; labels that `kb` does not know become new classes of it.
data::Dataset read_rows(const BuildKbOptions& options, const std::string& file,
                        const data::TaskSettings& settings, const Inherited& inherited,
                        retrieval::KnowledgeBase& kb) {
  const data::Task task = task_of_rows(options, file, task_of(settings, kb));
  std::vector<std::string> more;
  auto rows = data::read_dataset(file, task, task.train, options.data.bad_rows(), more);
  if (inherited.split && inherited.split->train_sha256 == rows.sha256) {
    throw base::ConfigError(
        "--extend-files {}: is the training file of {}, whose held-out rows must stay out; give "
        "new rows",
        file, options.extend);
  }
  if (options.extend_labels == "labels" && !rows.fully_labelled()) {
    throw base::DataError("{}: --extend-labels labels: it has rows without a label; give auto",
                          file);
  }
  const auto labelled = std::ranges::count_if(rows.labels, [](float l) { return !std::isnan(l); });
  spdlog::info("{}: {} rows to add, {} with a label", file, rows.size(), labelled);
  if (!more.empty()) {
    spdlog::info("{}: {} new {}: {}", file, more.size(), more.size() == 1 ? "class" : "classes",
                 base::few_names(more));
  }
  kb.new_classes.insert(kb.new_classes.end(), more.begin(), more.end());
  kb.history.push_back(retrieval::change("added", rows.size(), file, rows.sha256, std::move(more)));
  return rows;
}

/// Knowledge-base rows that no teacher has seen; their keys are still to come.
retrieval::KnowledgeBase rows_without_keys(const data::Dataset& rows,
                                           const retrieval::KnowledgeBase& kb) {
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (rows.labelled(i)) continue;
    throw base::DataError(
        "{}: data row {} has no label, and without --teacher nothing answers for it",
        rows.path.string(), rows.rows[static_cast<std::size_t>(i)]);
  }
  retrieval::KnowledgeBase added;
  added.embeddings = torch::zeros({rows.size(), kb.dimension()});
  added.logits = torch::full({rows.size(), kb.num_labels()}, std::nan(""), torch::kFloat32);
  added.soft_labels = added.logits;
  added.labels = torch::tensor(rows.labels);
  for (std::int64_t i = 0; i < rows.size(); ++i) added.ids.push_back(rows.id(i));
  added.text_a = rows.text_a;
  added.text_b = rows.text_b;
  return added;
}

/// Knowledge-base rows with the teacher's keys and predictions.
retrieval::KnowledgeBase rows_by_teacher(const BuildKbOptions& options, const data::Dataset& rows,
                                         const data::TaskSettings& settings,
                                         const tensor::Compute& compute, train::Model& teacher) {
  auto features =
      train::compute_features(teacher, rows, settings, compute, options.eval_batch_size);
  const auto keys = distill::load_key_maker(options.teacher, teacher.config.hidden_size);
  distill::add_pretrained(features, keys, options.teacher, rows, settings, compute,
                          options.eval_batch_size);
  return distill::knowledge_base_of(features, keys, rows, settings.task.kind());
}

/// What answers for added rows where nothing else is asked for.
torch::Tensor labels_that_answer(const BuildKbOptions& options,
                                 const retrieval::KnowledgeBase& added) {
  const bool labels = options.extend_labels == "auto" || options.extend_labels == "labels";
  const auto labelled = added.labels.isnan().logical_not();
  return labels ? labelled : torch::zeros_like(labelled);
}

/// The rows of --extend-files behind those of `kb`.
void add_files(const BuildKbOptions& options, const data::TaskSettings& settings,
               const Inherited& inherited, const tensor::Compute& compute, run::RunDirectory& run,
               retrieval::KnowledgeBase& kb) {
  std::optional<train::Model> teacher;
  if (!options.teacher.empty()) {
    check_same_teacher(options, kb);
    teacher = train::load_trained(options.teacher, settings);
  } else if (options.keys.empty()) {
    throw base::ConfigError(
        "--extend-files needs keys for the rows: --keys STUDENT for the student's own, or "
        "--teacher, whose keys {} must have",
        options.extend);
  }
  for (const auto& file : options.extend_files) {
    run.add_input(file);
    const auto rows = read_rows(options, file, settings, inherited, kb);
    auto added = teacher ? rows_by_teacher(options, rows, settings, compute, *teacher)
                         : rows_without_keys(rows, kb);
    added.new_classes = kb.new_classes;
    added.label_answers = labels_that_answer(options, added);
    kb = retrieval::joined(kb, added);
  }
}

/// The corrected label of each id in a file.
std::map<std::string, float> labels_by_id(const data::Dataset& rows) {
  std::map<std::string, float> labels;
  std::map<std::string, std::int64_t> line_of;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(i);
    const std::string where = fmt::format("{}:{}", rows.path.string(), rows.lines[row]);
    const auto& id = rows.text_a[row];
    if (!rows.labelled(i)) {
      throw base::DataError("{}: the id {} has no label, expected one: add it or delete the line",
                            where, id);
    }
    const auto [known, added] = line_of.emplace(id, rows.lines[row]);
    if (!added) {
      throw base::DataError("{}: has the id {}, which line {} has already: delete one of them",
                            where, id, known->second);
    }
    labels[id] = rows.labels[row];
  }
  return labels;
}

/// --relabel: ids and labels of a file.
void correct_labels(const BuildKbOptions& options, const data::TaskSettings& settings,
                    run::RunDirectory& run, retrieval::KnowledgeBase& kb) {
  run.add_input(options.relabel);
  data::Task task = task_of(settings, kb);
  task.format = data::format_of_name(options.relabel);
  task.train = {.text_a = -1, .text_a_name = "id", .label_name = "label"};
  std::vector<std::string> more;
  const auto rows =
      data::read_dataset(options.relabel, task, task.train, options.data.bad_rows(), more);
  const auto labels = labels_by_id(rows);
  kb.new_classes.insert(kb.new_classes.end(), more.begin(), more.end());
  retrieval::relabel(kb, labels);
  kb.history.push_back(
      retrieval::change("relabeled", rows.size(), options.relabel, rows.sha256, std::move(more)));
}

/// --remove and --remove-where.
void remove_rows(const BuildKbOptions& options, const data::TaskSettings& settings,
                 retrieval::KnowledgeBase& kb) {
  const auto before = kb.size();
  kb = retrieval::without(kb, {options.remove, options.remove_where}, task_of(settings, kb).labels);
  const std::string what = options.remove_where.empty()
                               ? "by id"
                               : fmt::format("{}", fmt::join(options.remove_where, " and "));
  kb.history.push_back(retrieval::change("removed", before - kb.size(), what));
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
                                       distill::load_key_maker(directory, teacher.hidden_size),
                                       data.train, kind);
  const auto held_out = train::load_features(directory, "validation", data.validation);
  const auto held_out_keys = distill::load_key_maker(directory, teacher.hidden_size).keys(held_out);
  const auto held_out_labels = train::probabilities_of(held_out.logits, kind);
  report.teacher_on_validation =
      evaluation::soft_label_quality(settings.task, held_out_labels, data.validation.labels);
  auto warnings =
      evaluation::prediction_warnings("the teacher, on the validation part,", settings.task,
                                      held_out_labels, data.validation.labels);
  report.knn_on_validation = knn_on_validation(directory);
  const auto neighbors = report.knn_on_validation.find("accuracy");
  const auto itself = report.teacher_on_validation.find("accuracy");
  if (neighbors && itself) {
    evaluation::append(warnings, evaluation::neighbor_hints(*neighbors, *itself));
  }
  tell(warnings);
  evaluation::append(report.warnings, warnings);
  kb.provenance.task_settings = settings.to_json();
  kb.provenance.key_space = distill::key_space_of(directory);
  kb.provenance.teacher_saw_holdout =
      base::json_value(metrics_of(directory), "teacher_saw_holdout", false, directory.string());
  store_as(options, kb);
  kb.history = {retrieval::change("built", kb.size(), data.train.path.string(), data.train.sha256)};
  if (options.cross_fit.folds > 0) cross_fit(options, data, compute, kb, run, report);
  data::save_split(data.split, run.path());
  return {std::move(kb), settings, 0, held_out_keys};
}

KbSource changed_knowledge_base(const BuildKbOptions& options, const tensor::Compute& compute,
                                run::RunDirectory& run, evaluation::KbReport& report) {
  run.add_input_directory(options.extend);
  const Inherited inherited = inherit(options.extend);
  const auto settings = resolve_settings(options.data, inherited);
  auto kb = retrieval::load_knowledge_base(options.extend);
  if (kb.text_a.empty() && (!options.extend_files.empty() || !options.keys.empty())) {
    throw base::ConfigError(
        "{} was exported without its texts: rows can be removed and relabeled, but --extend-files "
        "and --keys need texts; change the knowledge base that it was exported from",
        options.extend);
  }
  store_as(options, kb);
  std::int64_t unchanged = kb.size();  // leading rows that are as in --extend
  if (!options.remove.empty() || !options.remove_where.empty()) {
    remove_rows(options, settings, kb);
    unchanged = 0;
  }
  const std::int64_t with_keys = kb.size();
  if (!options.relabel.empty()) correct_labels(options, settings, run, kb);
  if (!options.extend_files.empty()) {
    add_files(options, settings, inherited, compute, run, kb);
  }
  const auto space = kb.provenance.key_space;
  if (!options.keys.empty()) {
    take_keys(options, settings, compute, run, with_keys, report, kb);
  }
  if (!(kb.provenance.key_space == space)) unchanged = 0;
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
  report.knn_on_validation = known("knn_on_validation");
  return {std::move(kb), settings, unchanged};
}

}  // namespace reaugkd::stages
