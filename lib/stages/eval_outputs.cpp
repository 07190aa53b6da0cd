#include "stages/eval_outputs.h"

#include <algorithm>

#include "base/file.h"
#include "evaluation/embedding_map.h"
#include "evaluation/explanation.h"
#include "evaluation/latency.h"

namespace reaugkd::stages {

evaluation::ScoredFile FileScorer::score(const data::Dataset& rows, const std::string& suffix,
                                         const std::string& submission) const {
  const data::Task task = inputs.student.task();
  auto scored = evaluation::score_file(inputs.student, rows, options.split + " predictions",
                                       retrieval, inputs.teacher ? &*inputs.teacher : nullptr);
  const auto path = [&](const std::string& name, const char* ending) {
    return run.path() / (name + suffix + ending);
  };
  evaluation::write_predictions(path("predictions", ".tsv"), task, rows, scored.predictions);
  if (task.num_labels() > evaluation::kMostColumns) {
    evaluation::write_probabilities(path("probabilities", ".safetensors"), task,
                                    scored.predictions);
  }
  if (!task.regression() && !scored.report.metrics.student.empty()) {
    evaluation::write_classes(path("classes", ".tsv"), task, rows, scored.predictions);
    evaluation::write_confusion(path("confusion", ".tsv"), task, rows, scored.predictions.final);
  }
  if (options.split == "test" && !submission.empty()) {
    evaluation::write_submission(run.path() / submission, task, rows, scored.predictions.final);
    evaluation::append(scored.report.warnings,
                       evaluation::missing_row_warnings(submission, rows.skipped));
  }
  return scored;
}

std::string FileScorer::write_pictures(const data::Dataset& rows,
                                       const evaluation::ScoredFile& scored) const {
  if (retrieval == nullptr) return "";
  const data::Task task = inputs.student.task();
  const auto& selected = retrieval->selected;
  if (options.embedding_map) {
    base::write_file(run.path() / "embeddings.tsv",
                     evaluation::embedding_map(task, inputs.retriever->knowledge_base(),
                                               scored.queries.embeddings, rows.labels));
  }
  if (options.sweep) {
    evaluation::Queries queries = scored.queries;
    queries.neighbors = scored.found.first(std::ranges::max(options.grid(inputs.selects_more).k));
    base::write_file(
        run.path() / "sweep.tsv",
        evaluation::sweep_table(options.grid(inputs.selects_more), task, inputs.soft_labels,
                                *selected.validation, {queries, rows.labels}));
  }
  if (options.explain == 0) return "";
  auto explanation =
      evaluation::explain(options.explain, task, rows, scored.queries, scored.predictions,
                          *inputs.retriever, selected.choice.setting);
  base::write_file(run.path() / kExplainFile, explanation);
  return explanation;
}

evaluation::Latency FileScorer::measure(const data::Dataset& rows) const {
  auto& student = inputs.student;
  const auto measured = evaluation::measure_latency(
      student.model, student.model.encode(rows, student.settings, student.compute),
      student.settings, student.compute, options.eval_batch_size, options.latency_examples,
      inputs.retriever.get(),
      retrieval == nullptr ? retrieval::RetrievalSetting{} : retrieval->selected.choice.setting);
  base::write_file(run.path() / "latency.tsv", measured.table);
  return measured.latency;
}

}  // namespace reaugkd::stages
