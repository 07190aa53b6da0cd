// eval: load, select, score, report.
#include "stages/eval.h"

#include <algorithm>

#include "base/file.h"
#include "stages/compute.h"
#include "stages/eval_inputs.h"
#include "stages/eval_outputs.h"
#include "stages/warnings.h"

namespace reaugkd::stages {
namespace {

/// Whether no row that is selected on has a class that the student cannot name: a single row of a
/// class finds no other. Such rows do not say how much a class of few rows may count.
bool knows_no_new_class(const EvalInputs& inputs, const data::Dataset& rows) {
  const auto known = static_cast<float>(inputs.student.settings.task.num_labels());
  return std::ranges::none_of(rows.labels, [&](float label) { return label >= known; });
}

/// Which setting answers; the validation part is asked where something is selected or swept.
evaluation::SelectedRetrieval select(const EvalOptions& options, EvalInputs& inputs,
                                     run::RunDirectory& run) {
  const data::Task task = inputs.student.task();
  auto selection = options.selection(inputs.selects_more);
  selection.grid.known_classes = inputs.student.settings.task.num_labels();
  if (task.regression() && selection.grid.beta_mode == retrieval::BetaMode::kGate) {
    selection.grid.beta_mode = retrieval::BetaMode::kConstant;  // a gate is of probabilities
    selection.beta_mode = "constant";
  }
  if (selection.fixed && !options.sweep && options.grid_ef_search.empty()) {
    return select_retrieval(selection, task, inputs.soft_labels, nullptr, *inputs.retriever);
  }
  const auto tuning = tuning_rows(options, inputs, run);
  if (selection.grid.balance.size() > 1 && knows_no_new_class(inputs, tuning.rows)) {
    selection.grid.balance = {inputs.student.new_classes.empty() ? 0.0 : 1.0};
  }
  const evaluation::ValidationPart validation{
      tuning.rows, tuning.name, evaluation::ask(inputs.student, tuning.rows, "rows to select on")};
  return select_retrieval(selection, task, inputs.soft_labels, &validation, *inputs.retriever);
}

std::string finished_text(const EvalOptions& options) {
  const std::filesystem::path directory = options.run.output;
  const auto path = directory / run::kMetricsFile;
  return report_table(evaluation::report_of_json(base::read_json(path), path.string())) +
         (options.explain > 0 ? base::read_file(directory / kExplainFile) : "");
}

}  // namespace

std::string run_eval(EvalOptions options) {
  const auto fields = options.fields();
  if (run::already_finished("eval", fields, EvalOptions().fields(), options.run)) {
    return finished_text(options);
  }
  options.check();
  run::RunDirectory run("eval", fields, EvalOptions().fields(), options.run);
  const auto compute = start_compute(options.run, /*training=*/false, run);
  EvalInputs inputs = load_eval_inputs(options, compute, run);
  options.split = split_to_score(options, inputs);
  const data::Dataset rows = rows_to_score(options, inputs, run);
  const data::Task task = inputs.student.task();

  evaluation::Report report;
  report.task = task.name;
  report.split = options.split;
  report.examples = rows.size();
  report.validation_split = inputs.model_selected_on;
  evaluation::Warnings early;
  std::optional<evaluation::SelectedRetrieval> selected;
  std::optional<evaluation::RetrievalParts> parts;
  if (inputs.retriever) {
    selected = select(options, inputs, run);
    report.retrieval = selected->choice;
    early = early_warnings(inputs, selected->choice);
    parts.emplace(evaluation::RetrievalParts{
        *inputs.retriever, *selected, static_cast<std::uint64_t>(options.run.seed),
        !options.exclude_same_text,
        options.sweep ? std::ranges::max(options.grid(inputs.selects_more).k) : 0});
  }
  const FileScorer scorer{options, inputs, parts ? &*parts : nullptr, run};
  auto scored = scorer.score(rows, "predictions.tsv", task.submission_file);
  tell(scored.report.warnings);
  evaluation::append(early, scored.report.warnings);
  scored.report.warnings = std::move(early);
  report.scored = scored.report;
  const std::string explanation = scorer.write_pictures(rows, scored);
  if (const auto more = mismatched_rows(options, task, run)) {
    report.mismatched =
        scorer.score(*more, "predictions_mismatched.tsv", task.submission_mismatched_file).report;
    tell(report.mismatched->warnings);
  }
  if (options.latency_examples > 0) report.latency = scorer.measure(rows);
  run.finish(to_json(report));
  return report_table(report) + explanation;
}

}  // namespace reaugkd::stages
