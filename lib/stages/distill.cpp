#include "stages/distill.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/random.h"
#include "retrieval/kb_manifest.h"
#include "stages/methods/method.h"
#include "stages/methods/trajectory.h"
#include "stages/training.h"

namespace reaugkd::stages {
namespace {

void check_sources(const DistillOptions& options, const Method& method) {
  const bool kb = !options.kb.empty();
  const bool teacher = !options.teacher.empty();
  switch (method.source) {
    case Source::kLabels:
      return;
    case Source::kKnowledgeBase:
      if (!kb) {
        throw core::ConfigError("--kb is required by --method {}; run reaugkd build-kb first",
                                method.name);
      }
      if (!teacher) return;
      throw core::ConfigError(
          "--teacher: --method {} learns from the knowledge base alone; leave it out", method.name);
    case Source::kKnowledgeBaseOrTeacher:
      if (kb && teacher) {
        throw core::ConfigError(
            "--method {} takes its targets from --kb or from --teacher: leave one of them out",
            method.name);
      }
      if (kb || teacher) return;
      throw core::ConfigError(
          "--kb is required by --method {}, or --teacher; run reaugkd build-kb first", method.name);
    case Source::kTeacher:
      if (teacher) return;
      throw core::ConfigError(
          "--teacher is required by --method {}: it learns from the teacher's weights, not from a "
          "knowledge base",
          method.name);
  }
}

/// Options that some methods alone read.
struct OptionsOf {
  std::vector<std::string> methods;
  std::vector<std::string> options;
};

const OptionsOf kOptionsOf[] = {
    {{"reaugkd"}, {"alpha", "tau", "self-similarity", "kl-direction", "anchor", "kb-anchors"}},
    {{"dml", "prokt", "metadistil"}, {"teacher-learning-rate"}},
    {{"pkd"}, {"pkd-layers", "pkd-weight"}},
    {{"rkd"}, {"rkd-distance-weight", "rkd-angle-weight"}},
    {{"tinybert"}, {"tinybert-intermediate"}},
    {{"minilm"}, {"minilm-weight"}},
    {{"prokt"}, {"prokt-lambda"}},
    {{"metadistil"}, {"metadistil-quiz"}},
};

/// Warns of options that the method, or the task, does not read; a plan or a config may have them
/// for others.
void warn_of_unused(const Method& method, const core::OptionList& options,
                    const DistillOptions& values, const data::Task& task) {
  if (task.regression() && *values.distill_temperature != method.distill_temperature) {
    spdlog::warn("--distill-temperature softens probabilities: {} has scores and does not read it",
                 task.name);
  }
  if (method.name == "reaugkd" && values.anchor != "kb" &&
      values.kb_anchors != DistillOptions().kb_anchors) {
    spdlog::warn("--kb-anchors is for --anchor kb: {} does not read it", values.anchor);
  }
  DistillOptions defaults;
  defaults.teacher_learning_rate = method.teacher_learning_rate;
  const core::Json given = options.to_json();
  const core::Json usual = defaults.fields().to_json();
  for (const auto& of : kOptionsOf) {
    if (std::ranges::find(of.methods, method.name) != of.methods.end()) continue;
    for (const auto& name : of.options) {
      const auto key = core::json_key(name);
      if (given.at(key) == usual.at(key)) continue;
      spdlog::warn("--{} is for --method {}: {} does not read it", name,
                   fmt::join(of.methods, ", "), method.name);
    }
  }
}

/// The directory whose task and split hold: the first that is given.
std::string inherited_from(const DistillOptions& options) {
  for (const auto& directory : {options.kb, options.teacher}) {
    if (!directory.empty()) return directory;
  }
  return options.student;
}

/// Those of --teacher and --student that `inherited` is not from must fit to it: the teacher's task
/// and class order, and which rows they were kept from.
void check_others(const DistillOptions& options, const Inherited& inherited,
                  const TaskSettings& settings) {
  for (const auto& directory : {options.teacher, options.student}) {
    if (directory.empty() || directory == inherited.directory) continue;
    const Inherited other = inherit(directory);
    if (directory == options.teacher) {
      check_class_order(options.data, other, settings);
      check_same_task(other, settings, inherited.directory);
    }
    if (!other.split || !inherited.split || *other.split == *inherited.split ||
        other.split->train_sha256 != inherited.split->train_sha256) {
      continue;
    }
    throw core::ArtifactError(
        "{} and {} were made with different splits (split.json), so one may have seen what the "
        "other validates on; make both from the same first stage",
        directory, inherited.directory);
  }
}

/// What learns from labels needs them: of every row where it learns from nothing else.
void check_labels(const DistillOptions& options, const Method& method, const data::Dataset& rows) {
  const bool by_method = method.source == Source::kLabels;
  const double w = *options.hard_label_weight;
  std::string what = "--method " + method.name;
  if (!by_method) what += fmt::format(" with --hard-label-weight {:g}", w);
  if ((by_method || w == 1) && !rows.fully_labelled()) {
    throw core::DataError("{}: {} needs a label in every row", rows.path.string(), what);
  }
  if (w > 0 && std::ranges::all_of(rows.labels, [](float label) { return std::isnan(label); })) {
    throw core::DataError("{}: {} needs labels, and no row has one", rows.path.string(), what);
  }
}

/// Takes metadistil's quiz out of data.train: about `share` of its rows, two at least.
data::Dataset take_quiz(TaskData& data, double share, std::uint64_t seed) {
  const auto n = data.train.size();
  const auto wanted = std::max<std::int64_t>(2, std::llround(share * static_cast<double>(n)));
  if (n < wanted + 2 || !data.train.fully_labelled()) {
    throw core::DataError(
        "{}: --method metadistil needs labelled rows, at least four, of which it keeps some for a "
        "quiz; {} rows are there",
        data.train.path.string(), n);
  }
  const auto picked = data::sample_rows(n, wanted, core::stream_seed(seed, "quiz", 0));
  const std::set<std::int64_t> quiz(picked.begin(), picked.end());
  std::vector<std::int64_t> rest;
  for (std::int64_t i = 0; i < n; ++i) {
    if (!quiz.contains(i)) rest.push_back(i);
  }
  data::Dataset rows = data.train.subset(picked);
  data.train = data.train.subset(rest);
  return rows;
}

}  // namespace

std::string run_distill(DistillOptions options) {
  const Method& method = method_by_name(options.method);
  if (!options.hard_label_weight) options.hard_label_weight = method.hard_label_weight;
  if (!options.distill_temperature) options.distill_temperature = method.distill_temperature;
  if (!options.teacher_learning_rate) options.teacher_learning_rate = method.teacher_learning_rate;
  const auto fields = options.fields();
  if (already_finished("distill", fields, DistillOptions().fields(), options.run)) return "";
  check_sources(options, method);
  const Inherited inherited = inherit(inherited_from(options));
  const auto settings = resolve_settings(options.data, inherited);
  check_others(options, inherited, settings);
  StageRun run("distill", fields, DistillOptions().fields(), options.run);
  warn_of_unused(method, fields, options, settings.task);
  run.add_input_directory(options.student);
  for (const auto& directory : {options.kb, options.teacher}) {
    if (!directory.empty()) run.add_input_directory(directory);
  }
  if (method.name == "rco") {
    for (const auto& anchor : trajectory_of(options.teacher)) {
      if (anchor != options.teacher) run.add_anchor(options.teacher, anchor);
    }
  }
  const Compute compute = start_compute(options.run, /*training=*/true, run);
  TaskData data = read_task_data(options.data, settings, inherited, run);
  check_labels(options, method, data.train);

  const auto seed = static_cast<std::uint64_t>(options.run.seed);
  data::Dataset quiz;
  if (method.name == "metadistil") quiz = take_quiz(data, options.metadistil_quiz, seed);
  // Where the task's order is not the student's own, or told.
  const bool other_order_possible =
      options.data.label_order.empty() && inherited.directory != options.student;
  Model student =
      load_for_training(options.student, data,
                        {options.training.init, options.student_layers, options.training.vocab_size,
                         options.training.embedding, seed, other_order_possible});
  if (method.name == "reaugkd") {
    const auto space = embedding_space(retrieval::load_kb_manifest(options.kb).provenance);
    if (space.contains(kKeysSha256)) {
      throw core::ArtifactError(
          "{}: its keys are a student's own embeddings, --method reaugkd learns the teacher's; "
          "give the knowledge base that it was made of",
          options.kb);
    }
    student.config.reaugkd[kTrainedTowards] = space;
  }
  const RowClassifier rows(student, data.train, settings, compute);
  const auto step = method.make_step({options, data, rows, &quiz});
  core::Json metrics = train_classifier("distill", rows, *step, data, options.training, seed, run);
  metrics["method"] = options.method;
  save_model(student, settings, run.path());
  data::save_split(data.split, run.path());
  run.finish(metrics);
  return training_summary(
      "distill --method " + options.method, metrics, options.run.output,
      fmt::format("reaugkd eval --model {}{} --data {} --output DIR", options.run.output,
                  options.kb.empty() ? "" : " --kb " + options.kb, options.data.data));
}

}  // namespace reaugkd::stages
