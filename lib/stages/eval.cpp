// eval: load, select, score, report.
#include "stages/eval.h"

#include <algorithm>

#include "base/file.h"
#include "base/interrupt.h"
#include "stages/compute.h"
#include "stages/eval_inputs.h"
#include "stages/eval_outputs.h"
#include "stages/eval_setting.h"
#include "stages/kb_place.h"
#include "stages/warnings.h"

namespace reaugkd::stages {
namespace {

std::string finished_text(const EvalOptions& options) {
  const std::filesystem::path directory = options.run.output;
  const auto path = directory / run::kMetricsFile;
  return report_table(evaluation::report_of_json(base::read_json(path), path.string())) +
         (options.explain > 0 ? base::read_file(directory / kExplainFile) : "");
}

std::string evaluate(EvalOptions options) {
  const auto fields = options.fields();
  if (run::already_finished("eval", fields, EvalOptions().fields(), options.run)) {
    return finished_text(options);
  }
  options.check();
  if (!options.kb.empty()) options.kb = knowledge_base_in(options.kb).string();
  run::RunDirectory run("eval", fields, EvalOptions().fields(), options.run);
  const auto compute = start_compute(options.run, /*training=*/false, run);
  EvalInputs inputs = load_eval_inputs(options, compute, run);
  options.split = split_to_score(options, inputs);
  const data::Dataset rows = rows_to_score(options, inputs, run);
  const data::Task task = inputs.student.task();
  Tuning tuning(options, inputs, run);

  evaluation::Report report;
  report.task = task.name;
  report.split = options.split;
  report.examples = rows.size();
  report.validation_split = inputs.model_selected_on;
  evaluation::Warnings early;
  std::optional<evaluation::SelectedRetrieval> selected;
  std::optional<evaluation::RetrievalParts> parts;
  if (inputs.retriever) {
    selected = chosen_retrieval(options, inputs, tuning);
    report.retrieval = selected->choice;
    early = early_warnings(inputs, *selected);
    parts.emplace(evaluation::RetrievalParts{
        *inputs.retriever, *selected, static_cast<std::uint64_t>(options.run.seed),
        !options.exclude_same_text,
        options.sweep ? std::ranges::max(options.grid(inputs.selects_more).k) : 0});
  }
  report.threshold =
      chosen_threshold(options, inputs, selected ? &selected->choice.setting : nullptr, tuning);
  const FileScorer scorer{options, inputs, parts ? &*parts : nullptr, run};
  auto scored = scorer.score(rows, "", task.submission_file);
  tell(scored.report.warnings);
  evaluation::append(early, scored.report.warnings);
  scored.report.warnings = std::move(early);
  report.scored = scored.report;
  const std::string explanation = scorer.write_pictures(rows, scored);
  if (const auto more = mismatched_rows(options, task, run)) {
    report.mismatched = scorer.score(*more, "_mismatched", task.submission_mismatched_file).report;
    tell(report.mismatched->warnings);
  }
  write_setting(options, inputs, report, run);
  if (options.latency_examples > 0) report.latency = scorer.measure(rows);
  run.finish(to_json(report));
  return report_table(report) + explanation;
}

}  // namespace

std::string run_eval(EvalOptions options) {
  try {
    return evaluate(std::move(options));
  } catch (const base::Interrupted&) {
    throw base::stopped_without_trace();
  }
}

}  // namespace reaugkd::stages
