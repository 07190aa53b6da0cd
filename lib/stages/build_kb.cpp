#include "stages/build_kb.h"

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "evaluation/calibration.h"
#include "evaluation/kb_description.h"
#include "parallel/ranks.h"
#include "retrieval/answers.h"
#include "retrieval/equal_texts.h"
#include "retrieval/indexes.h"
#include "retrieval/kb_manifest.h"
#include "stages/compute.h"
#include "stages/export_files.h"
#include "stages/kb_place.h"
#include "stages/kb_sources.h"
#include "stages/warnings.h"

namespace reaugkd::stages {
namespace {

std::string description(const std::string& directory) {
  retrieval::load_kb_manifest(directory);  // it is a knowledge base, not a model
  const Inherited inherited = inherit(directory);
  if (!inherited.settings) {
    throw base::ArtifactError("{}: does not say which task it was made for",
                              (std::filesystem::path(directory) / "kb.json").string());
  }
  return evaluation::describe_knowledge_base(directory, *inherited.settings);
}

/// What is to be said of the finished rows.
void judge(const KbSource& source, evaluation::KbReport& report) {
  const auto& kb = source.kb;
  report.task = source.settings.task.name;
  report.rows = kb.size();
  report.dimension = kb.dimension();
  report.dtype = retrieval::dtype_name(kb.embeddings.scalar_type());
  const auto task = data::with_new_classes(source.settings.task, kb.new_classes);
  const auto* labels = kb.labels.data_ptr<float>();
  report.new_classes = kb.new_classes;
  report.teacher_on_kb = evaluation::soft_label_quality(
      task, retrieval::answers_of(kb, {}, task.kind()), {labels, labels + kb.size()});
  const bool own = kb.provenance.key_space.of_student();
  auto warnings = evaluation::embedding_warnings(
      own ? "the student's keys" : "the projected teacher embeddings", kb.embeddings);
  tell(warnings);
  evaluation::append(report.warnings, warnings);
}

/// The index of --extend with the new rows inserted, where the other rows are as they were; else a
/// new one.
std::unique_ptr<retrieval::Index> index_of(const BuildKbOptions& options, const KbSource& source,
                                           const retrieval::IndexOptions& index_options) {
  const auto& kb = source.kb;
  const std::string kind = options.index_kind(kb.size());
  if (source.unchanged_rows > 0) {
    if (auto index = retrieval::extended_index(kb, options.extend, source.unchanged_rows, kind,
                                               index_options)) {
      spdlog::info("{} rows are inserted into the index of {}", kb.size() - source.unchanged_rows,
                   options.extend);
      return index;
    }
  }
  return retrieval::build_index(*retrieval::find_index_kind(kind), kb.embeddings, index_options);
}

/// Compares an approximate index with an exact search. An ef_search that was not given rises until
/// the answers are the same.
void check_answers(const BuildKbOptions& options, const KbSource& source, retrieval::Index& index,
                   evaluation::KbReport& report) {
  if (!index.approximate() || source.kb.size() < 2) return;
  const auto seed = static_cast<std::uint64_t>(options.run.seed);
  const bool held_out = source.held_out_keys.defined() && source.held_out_keys.size(0) > 0;
  const auto queries = held_out ? evaluation::held_out_queries(source.held_out_keys, seed)
                                : evaluation::own_row_queries(source.kb, seed);
  const auto check = evaluation::check_index(
      index, source.kb, queries,
      options.ef_search ? evaluation::Candidates::kAsGiven : evaluation::Candidates::kMayRise);
  spdlog::info(
      "the index beside an exact search, {} {}: recall {:.4f}, {} answers changed, "
      "ef_search {}",
      check.agreement.examples, check.queries, check.agreement.recall, check.agreement.changed,
      check.ef_search);
  auto warnings = evaluation::index_check_warnings(check);
  tell(warnings);
  evaluation::append(report.warnings, warnings);
  report.index_check = check;
}

KbSource rows_of(const BuildKbOptions& options, const tensor::Compute& compute,
                 run::RunDirectory& run, evaluation::KbReport& report) {
  if (!options.extend.empty()) return changed_knowledge_base(options, compute, run, report);
  return options.teacher_outputs.empty() ? rows_of_features(options, compute, run, report)
                                         : rows_of_outputs(options, run, report);
}

std::string next_command(const BuildKbOptions& options) {
  const std::string& output = options.run.output;
  return fmt::format(
      "written to {}; next: reaugkd {} --kb {} --data {} --output DIR\n", output,
      options.keys.empty() ? "distill --student MODEL" : "eval --model " + options.keys, output,
      options.data.data.empty() ? "DIR" : options.data.data);
}

}  // namespace

std::string run_build_kb(BuildKbOptions options) {
  if (!options.describe.empty()) {
    return description(knowledge_base_in(options.describe).string());
  }
  if (!options.extend.empty()) options.extend = knowledge_base_in(options.extend).string();
  auto index_options = options.resolve();
  const auto fields = options.fields();
  if (run::already_finished("build-kb", fields, BuildKbOptions().fields(), options.run)) return "";
  options.check();
  run::RunDirectory run("build-kb", fields, BuildKbOptions().fields(), options.run);
  if (!options.teacher.empty()) run.add_input_directory(options.teacher);
  const tensor::Compute compute = start_compute(options.run, /*training=*/false, run);
  evaluation::KbReport report;
  KbSource source = rows_of(options, compute, run, report);
  const auto first_changed = retrieval::share_keys_of_equal_texts(source.kb);
  if (first_changed < source.unchanged_rows) source.unchanged_rows = 0;
  parallel::stop_if_any_interrupted();  // and what others have warned of
  if (parallel::rank() > 0) return "";  // the first one's threads insert, and nobody else writes
  const parallel::AloneGuard alone;
  const double before = run.seconds();
  const auto index = index_of(options, source, index_options);
  report.index = index->kind();
  report.index_seconds = run.seconds() - before;
  check_answers(options, source, *index, report);
  if (report.index_check) index_options.ef_search = report.index_check->ef_search;
  retrieval::save_knowledge_base(source.kb, *index, index_options, run.path());
  remove_folds(options.cross_fit, run.path());
  judge(source, report);
  run.finish(evaluation::to_json(report));
  if (options.in_place) refresh_sums(options.extend);
  return evaluation::kb_summary(report) + next_command(options);
}

}  // namespace reaugkd::stages
