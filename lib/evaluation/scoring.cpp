#include "evaluation/scoring.h"

#include <algorithm>
#include <cmath>

#include "evaluation/calibration.h"
#include "evaluation/class_report.h"
#include "evaluation/hints.h"
#include "evaluation/warnings.h"
#include "metrics/metrics.h"
#include "models/classifier.h"

namespace reaugkd::evaluation {
namespace {

/// What retrieval says of the rows; `file.queries` has the student's part.
void answer_with_retrieval(const RetrievalParts& parts, const data::Task& task,
                           const data::Dataset& rows, ScoredFile& file) {
  const auto& setting = parts.selected.choice.setting;
  const auto most = std::max({setting.k, parts.selected.permuted_setting.k, parts.most_neighbors});
  file.found = parts.retriever.search(file.queries.embeddings, rows, most);
  file.queries.neighbors = file.found.first(setting.k);
  const auto [p_kb, combined] =
      retrieval::predict(setting, file.queries.neighbors, parts.retriever.soft_labels(),
                         file.queries.probabilities, parts.retriever.class_rows());
  file.predictions = {combined, file.queries.probabilities, p_kb};
  file.report.with_retrieval = true;
  file.report.metrics.retrieval = scores_with_averages(task, p_kb, rows.labels);
  file.report.metrics.combined = scores_with_averages(task, combined, rows.labels);
}

RetrievalEffect effect_of(const RetrievalParts& parts, const data::Task& task,
                          const data::Dataset& rows, const ScoredFile& file) {
  const auto& selected = parts.selected;
  const auto& predictions = file.predictions;
  RetrievalEffect effect;
  effect.agreement_with_exact =
      parts.retriever.agreement_with_exact(file.queries.embeddings, rows, file.queries.neighbors,
                                           selected.choice.setting.tau, parts.seed);
  effect.same_text = parts.retriever.same_texts(rows);
  if (!task.regression()) {
    effect.changed = changed_predictions(task, predictions.student, predictions.knowledge_base,
                                         predictions.final, rows.labels);
  }
  if (file.report.metrics.combined.empty()) return effect;
  const auto control =
      retrieval::predict(selected.permuted_setting, file.found.first(selected.permuted_setting.k),
                         selected.permuted_soft_labels, file.queries.probabilities,
                         retrieval::ClassRows::of(selected.permuted_soft_labels));
  effect.permuted = {selected.permuted_setting, train::score(task, control.combined, rows.labels)};
  return effect;
}

/// The scores on the rows whose class is a new one (`known` and above), or on the others.
ClassPart part_of(const data::Task& task, const data::Dataset& rows, const ScoredFile& file,
                  std::int64_t known, bool new_ones) {
  std::vector<std::int64_t> positions;
  std::vector<float> labels;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    const float label = rows.labels[static_cast<std::size_t>(i)];
    if (std::isnan(label) || (label >= static_cast<float>(known)) != new_ones) continue;
    positions.push_back(i);
    labels.push_back(label);
  }
  ClassPart part{static_cast<std::int64_t>(labels.size()), {}};
  if (labels.empty()) return part;
  const auto index = torch::tensor(positions, torch::kInt64);
  const auto score = [&](const torch::Tensor& p) {
    return train::score(task, p.index_select(0, index), labels);
  };
  part.metrics.student = score(file.queries.probabilities);
  if (!file.report.with_retrieval) return part;
  part.metrics.retrieval = score(file.predictions.knowledge_base);
  part.metrics.combined = score(file.predictions.final);
  return part;
}

/// Of the task's metrics over the rows that have a label.
std::vector<std::pair<std::string, metrics::Interval>> intervals_of(
    const data::Task& task, const torch::Tensor& probabilities, const std::vector<float>& labels) {
  constexpr std::uint64_t kSeed = 0;  // the same rows give the same interval
  const auto decisions = train::decisions_of(probabilities, task.kind());
  std::vector<double> predicted;
  std::vector<double> expected;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (std::isnan(labels[i])) continue;
    predicted.push_back(decisions[i]);
    expected.push_back(labels[i]);
  }
  std::vector<std::pair<std::string, metrics::Interval>> intervals;
  if (predicted.empty()) return intervals;
  for (const auto& name : task.metrics) {
    intervals.emplace_back(name, metrics::bootstrap_interval(metrics::metric(name), predicted,
                                                             expected, task.positive, kSeed));
  }
  return intervals;
}

/// Adds what the task's metric does not show: the majority class, calibration, warnings.
void judge(const data::Task& task, const data::Dataset& rows, bool same_text_answers,
           ScoredFile& file) {
  FileReport& report = file.report;
  const auto& predictions = file.predictions;
  const auto& labels = rows.labels;
  const auto& student = file.queries.probabilities;
  report.calibration.student = calibration(task, student, labels);
  report.intervals = intervals_of(task, predictions.final, labels);
  report.coverage = coverage_points(task, predictions.final, labels);
  if (!report.calibration.student.empty()) {
    report.majority = majority_score(task, labels);
    if (report.with_retrieval) {
      report.calibration.retrieval = calibration(task, predictions.knowledge_base, labels);
      report.calibration.combined = calibration(task, predictions.final, labels);
    }
  }
  append(report.warnings, equal_label_warnings("the scored part", task, labels));
  append(report.warnings, prediction_warnings("the student", task, student, labels));
  if (!report.with_retrieval) return;
  append(report.warnings, embedding_warnings("the student's embeddings", file.queries.embeddings));
  if (same_text_answers) {
    append(report.warnings, same_text_warnings(report.retrieval.same_text, rows.size()));
  }
  if (!task.regression()) {
    append(report.warnings, index_warnings(report.retrieval.agreement_with_exact));
  }
}

}  // namespace

Queries ask(Subject& subject, const data::Dataset& rows, const std::string& what) {
  auto predict =
      subject.model.predict_options(subject.compute, subject.settings, subject.batch_size);
  predict.what = what;
  const auto encoded = subject.model.encode(rows, subject.settings, subject.compute);
  const auto outputs = train::predict(subject.model.classifier, encoded, predict);
  const data::Task task = subject.task();
  return {
      retrieval::widened(train::probabilities_of(outputs.logits, task.kind()), task.num_labels()),
      models::unit_rows(outputs.queries),
      {},
      encoded.num_truncated()};
}

ScoredFile score_file(Subject& student, const data::Dataset& rows, const std::string& what,
                      const RetrievalParts* retrieval, Subject* teacher) {
  const data::Task task = student.task();
  ScoredFile file;
  file.queries = ask(student, rows, what);
  append(file.report.warnings, cut_hints("the scored part", file.queries.cut_rows, rows.size(),
                                         student.settings.max_seq_length));
  file.predictions.final = file.queries.probabilities;
  file.report.metrics.student = scores_with_averages(task, file.queries.probabilities, rows.labels);
  if (retrieval != nullptr) {
    answer_with_retrieval(*retrieval, task, rows, file);
    file.report.retrieval = effect_of(*retrieval, task, rows, file);
  }
  if (teacher != nullptr) {
    const data::Task its_task = teacher->task();
    const auto probabilities = ask(*teacher, rows, "teacher").probabilities;
    file.report.with_teacher = true;
    file.report.metrics.teacher = scores_with_averages(its_task, probabilities, rows.labels);
    append(file.report.warnings,
           prediction_warnings("the teacher", its_task, probabilities, rows.labels));
  }
  if (!student.new_classes.empty()) {
    file.report.old_classes = part_of(task, rows, file, student.settings.task.num_labels(), false);
    file.report.new_classes = part_of(task, rows, file, student.settings.task.num_labels(), true);
  }
  file.report.confusions = most_confused(task, rows, file.predictions.final);
  judge(task, rows, retrieval == nullptr || retrieval->same_text_answers, file);
  return file;
}

}  // namespace reaugkd::evaluation
