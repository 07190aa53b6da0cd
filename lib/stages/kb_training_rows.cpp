// The rows of a knowledge base that is built anew: the training rows, from what project has cached
// of the teacher or from a file of outputs.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/error.h"
#include "base/sha256.h"
#include "distill/given_teacher.h"
#include "distill/knowledge_base_rows.h"
#include "evaluation/calibration.h"
#include "evaluation/hints.h"
#include "stages/kb_sources.h"
#include "stages/teacher_features.h"
#include "stages/teacher_outputs.h"
#include "stages/warnings.h"

namespace reaugkd::stages {
namespace {

/// How a k-NN over the teacher's keys does on the held-out rows, as `project` has measured; empty
/// where that is not known.
metrics::Scores knn_on_validation(const std::filesystem::path& teacher) {
  const auto metrics = earlier_metrics(teacher);
  const auto found = metrics.find("validation");
  if (found == metrics.end() || !found->contains("knn_accuracy")) return {};
  return {{"accuracy", base::json_at<double>(*found, "knn_accuracy", teacher.string())}};
}

/// Puts what teachers say that did not see the rows in place of what the teacher says.
void cross_fit(const BuildKbOptions& options, const data::TaskData& data,
               const tensor::Compute& compute, retrieval::KnowledgeBase& kb, run::RunDirectory& run,
               evaluation::KbReport& report) {
  if (distill::is_given_teacher(options.teacher)) {
    throw base::ConfigError(
        "--cross-fit fine-tunes teachers, and {} has the outputs of one that is no model here: "
        "give project outputs that were made without the row (cross_val_predict of scikit-learn)",
        options.teacher);
  }
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

/// What the teacher, and a k-NN over its keys, say of the held-out rows that it has answered.
void judge_held_out(const data::Task& task, const torch::Tensor& logits,
                    const std::vector<float>& labels, evaluation::KbReport& report) {
  const auto answered = logits.isnan().all(1).logical_not().nonzero().squeeze(1);  // (m)
  if (answered.numel() == 0) return;
  const auto probabilities = train::probabilities_of(logits.index_select(0, answered), task.kind());
  const auto known = torch::tensor(labels).index_select(0, answered);
  const auto* first = known.data_ptr<float>();
  const std::vector<float> its_labels(first, first + known.numel());
  report.teacher_on_validation = evaluation::soft_label_quality(task, probabilities, its_labels);
  auto warnings = evaluation::prediction_warnings("the teacher, on the validation part,", task,
                                                  probabilities, its_labels);
  const auto neighbors = report.knn_on_validation.find("accuracy");
  const auto itself = report.teacher_on_validation.find("accuracy");
  if (neighbors && itself) {
    evaluation::append(warnings, evaluation::neighbor_hints(*neighbors, *itself));
  }
  tell(warnings);
  evaluation::append(report.warnings, warnings);
}

/// The rows that project has features of: of a given teacher fewer than all.
data::Dataset known_rows(const std::filesystem::path& teacher, const std::string& part,
                         const data::Dataset& rows) {
  if (!distill::is_given_teacher(teacher)) return rows;
  return rows.subset(train::rows_with_features(teacher, part, rows));
}

/// What every knowledge base of training rows is told of itself.
void settle(const BuildKbOptions& options, const data::TaskData& data,
            retrieval::KnowledgeBase& kb) {
  kb.provenance.task_settings = data.settings.to_json();
  kb.provenance.rows_without_key = data.train.size() - kb.size();
  store_as(options, kb);
  kb.history = {retrieval::change("built", kb.size(), data.train.path.string(), data.train.sha256)};
}

/// Throws DataError where an embedding has no direction.
void check_directions(const torch::Tensor& embeddings, const data::Dataset& rows,
                      const std::string& path) {
  const auto zero = (embeddings.norm(2, 1) == 0).nonzero();
  if (zero.numel() == 0) return;
  const auto row = static_cast<std::size_t>(zero[0][0].item<std::int64_t>());
  throw base::DataError(
      "{}: the embedding of data row {} of {} is all zeros, and a key has the length 1: leave its "
      "embedding out",
      path, rows.rows[row], rows.path.string());
}

/// A file of outputs, joined to the rows.
struct GivenRows {
  data::TaskData data;   // without the rows that nobody answers for
  data::TaskData known;  // those with an embedding
  train::Features train, held_out;
};

GivenRows given_rows(const BuildKbOptions& options, const data::TaskSettings& settings,
                     run::RunDirectory& run) {
  const auto& path = options.teacher_outputs;
  GivenRows rows;
  rows.data = read_task_data(options.data, settings, Inherited(), run);
  const auto outputs = read_outputs(path, rows.data, run);
  if (!outputs.has_embeddings()) {
    throw base::DataError(
        "{}: has no embeddings, which would be the keys: add them, or let a pretrained encoder "
        "make the keys: run reaugkd project --teacher-outputs {} --space pretrained --pretrained "
        "MODEL first",
        path, path);
  }
  take_out_unanswered(outputs, /*embeddings=*/true, rows.data);
  rows.known = embedded_part(outputs, rows.data);
  rows.train = features_of(outputs, /*embeddings=*/true, rows.known.train);
  rows.held_out = features_of(outputs, /*embeddings=*/true, rows.known.validation);
  check_directions(rows.train.embeddings, rows.known.train, path);
  check_directions(rows.held_out.embeddings, rows.known.validation, path);
  return rows;
}

metrics::Scores knn_over_keys(const retrieval::KnowledgeBase& kb, const data::TaskData& data,
                              const torch::Tensor& held_out_keys) {
  constexpr double kTau = 0.1;  // as project's default
  const auto labelled = labelled_rows(data.train, data.settings.task.kind());
  return {{"accuracy",
           distill::knn_accuracy(
               kb.embeddings.index_select(0, labelled.positions), labelled.labels, held_out_keys,
               positive_labels(data.validation, data.settings.task.kind()), kTau)}};
}

}  // namespace

KbSource rows_of_features(const BuildKbOptions& options, const tensor::Compute& compute,
                          run::RunDirectory& run, evaluation::KbReport& report) {
  const std::filesystem::path directory = options.teacher;
  const Inherited inherited = inherit(directory);
  if (distill::is_given_teacher(directory)) distill::check_outputs_unchanged(directory);
  const auto maker = distill::load_key_maker(directory, distill::embedding_width(directory));
  const auto settings = resolve_settings(options.data, inherited);
  const data::TaskData data = read_task_data(options.data, settings, inherited, run);
  const auto rows = known_rows(directory, "train", data.train);
  auto kb = distill::knowledge_base_of(train::load_features(directory, "train", rows), maker, rows,
                                       settings.task.kind());
  const auto held_out_rows = known_rows(directory, "validation", data.validation);
  const auto held_out = train::load_features(directory, "validation", held_out_rows);
  report.knn_on_validation = knn_on_validation(directory);
  judge_held_out(settings.task, held_out.logits, held_out_rows.labels, report);
  kb.provenance.key_space = distill::key_space_of(directory);
  kb.provenance.teacher_saw_holdout = base::json_value(
      earlier_metrics(directory), "teacher_saw_holdout", false, directory.string());
  settle(options, data, kb);
  if (options.cross_fit.folds > 0) cross_fit(options, data, compute, kb, run, report);
  data::save_split(data.split, run.path());
  return {std::move(kb), settings, 0, maker.keys(held_out)};
}

KbSource rows_of_outputs(const BuildKbOptions& options, run::RunDirectory& run,
                         evaluation::KbReport& report) {
  const auto settings = resolve_settings(options.data, Inherited());
  auto rows = given_rows(options, settings, run);
  distill::KeyMaker maker;
  maker.space = distill::Space::kGiven;
  auto kb = distill::knowledge_base_of(rows.train, maker, rows.known.train, settings.task.kind());
  rows.train = {};  // as large as the keys
  const auto held_out_keys = maker.keys(rows.held_out);
  report.knn_on_validation = knn_over_keys(kb, rows.known, held_out_keys);
  judge_held_out(settings.task, rows.held_out.logits, rows.known.validation.labels, report);
  kb.provenance.key_space.teacher_sha256 = base::sha256_of_file(options.teacher_outputs);
  kb.provenance.key_space.space = retrieval::kGivenSpace;
  kb.provenance.teacher_saw_holdout = rows.data.split.validation.holdout;  // nobody knows
  settle(options, rows.data, kb);
  data::save_split(rows.data.split, run.path());
  return {std::move(kb), settings, 0, held_out_keys};
}

}  // namespace reaugkd::stages
