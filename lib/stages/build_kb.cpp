#include "stages/build_kb.h"

#include "base/error.h"
#include "evaluation/calibration.h"
#include "evaluation/kb_description.h"
#include "retrieval/answers.h"
#include "retrieval/indexes.h"
#include "retrieval/kb_manifest.h"
#include "stages/compute.h"
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

std::string next_command(const BuildKbOptions& options) {
  const std::string& output = options.run.output;
  return fmt::format(
      "written to {}; next: reaugkd {} --kb {} --data {} --output DIR\n", output,
      options.keys.empty() ? "distill --student MODEL" : "eval --model " + options.keys, output,
      options.data.data.empty() ? "DIR" : options.data.data);
}

}  // namespace

std::string run_build_kb(BuildKbOptions options) {
  if (!options.describe.empty()) return description(options.describe);
  const std::string index_kind = options.resolve();
  const auto fields = options.fields();
  if (run::already_finished("build-kb", fields, BuildKbOptions().fields(), options.run)) return "";
  options.check();
  run::RunDirectory run("build-kb", fields, BuildKbOptions().fields(), options.run);
  if (!options.teacher.empty()) run.add_input_directory(options.teacher);
  const tensor::Compute compute = start_compute(options.run, /*training=*/false, run);
  evaluation::KbReport report;
  const KbSource source = options.extend.empty()
                              ? rows_of_features(options, compute, run, report)
                              : changed_knowledge_base(options, compute, run, report);

  const retrieval::IndexOptions index_options{
      *options.M, *options.ef_construction, *options.ef_search,
      static_cast<std::uint64_t>(options.run.seed), static_cast<int>(options.index_threads)};
  const double before = run.seconds();
  const auto index =
      retrieval::find_index_kind(index_kind)->build(source.kb.embeddings, index_options);
  report.index = index->kind();
  report.index_seconds = run.seconds() - before;
  retrieval::save_knowledge_base(source.kb, *index, index_options, run.path());
  remove_folds(options.cross_fit, run.path());
  judge(source, report);
  run.finish(evaluation::to_json(report));
  return evaluation::kb_summary(report) + next_command(options);
}

}  // namespace reaugkd::stages
