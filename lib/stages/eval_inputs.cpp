#include "stages/eval_inputs.h"

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "distill/knowledge_base_rows.h"
#include "evaluation/new_rows.h"
#include "retrieval/kb_editing.h"
#include "stages/data_files.h"
#include "stages/warnings.h"

namespace reaugkd::stages {
namespace {

evaluation::Subject subject(const std::string& directory, const data::TaskSettings& settings,
                            const tensor::Compute& compute, std::int64_t batch_size) {
  evaluation::Subject loaded{train::load_trained(directory, settings), settings, compute,
                             batch_size};
  loaded.model.classifier->prepare_to_answer(compute);
  return loaded;
}

void check_kb(const EvalOptions& options, const Inherited& kb, const Inherited& model,
              const data::TaskSettings& settings) {
  const auto differs =
      kb.settings ? data::difference(*kb.settings, settings) : options.kb + " does not say which";
  if (!differs.empty()) {
    throw base::ArtifactError(
        "{} and {} were made for different tasks: {}; task, class order and max_seq_length must be "
        "the same: distill from this knowledge base, or build one for this task",
        options.kb, options.model, differs);
  }
  if (model.split && kb.split && !(*model.split == *kb.split)) {
    throw base::ArtifactError(
        "{} and {} were made with different splits (split.json), so one may hold what the other "
        "validates on; make both from the same teacher",
        options.model, options.kb);
  }
}

evaluation::RetrieverOptions retriever_options(const EvalOptions& options,
                                               const torch::Device& device) {
  evaluation::RetrieverOptions retriever;
  retriever.index = options.index;
  retriever.ef_search = options.ef_search;
  retriever.exclude_same_text = options.exclude_same_text;
  retriever.rows_share = options.kb_rows;
  retriever.seed = static_cast<std::uint64_t>(options.run.seed);
  retriever.device = device;
  return retriever;
}

void load_retriever(const EvalOptions& options, EvalInputs& inputs, run::RunDirectory& run) {
  const auto& settings = inputs.student.settings;
  run.add_input_directory(options.kb);
  const Inherited kb = inherit(options.kb);
  check_kb(options, kb, inputs.inherited, settings);
  if (!inputs.inherited.split) inputs.inherited.split = kb.split;
  inputs.retriever = std::make_unique<evaluation::Retriever>(
      options.kb, retriever_options(options, inputs.student.compute.device), settings.task.kind());
  if ((options.ef_search || !options.grid_ef_search.empty()) &&
      !inputs.retriever->index().approximate()) {
    spdlog::info("{} is searched exactly: --ef-search and --grid-ef-search change nothing",
                 options.kb);
  }
  const auto& rows = inputs.retriever->knowledge_base();
  evaluation::check_same_space(rows, options.kb, inputs.student.model, options.model);
  inputs.student.new_classes = rows.new_classes;
  if (inputs.inherited.split) {
    inputs.new_rows = evaluation::rows_new_to(rows, inputs.inherited.split->train_sha256);
  }
  const auto& space = rows.provenance.key_space;
  inputs.selects_more =
      !inputs.new_rows.empty() || space.of_student() || space.space != retrieval::kProjectionSpace;
  inputs.soft_labels = inputs.retriever->answers(options.answer_rules(inputs.selects_more));
  if (options.k && *options.k > rows.size()) {
    spdlog::warn("--k {}: {} has {} rows, so all of them answer", *options.k, options.kb,
                 rows.size());
  }
}

evaluation::Subject load_teacher(const EvalOptions& options, const data::TaskSettings& settings,
                                 const tensor::Compute& compute, run::RunDirectory& run) {
  run.add_input_directory(options.teacher);
  const Inherited from = inherit(options.teacher);
  if (from.settings && from.settings->task.name != settings.task.name) {
    throw base::ArtifactError("{}: was trained for task {}, the model for {}", options.teacher,
                              from.settings->task.name, settings.task.name);
  }
  check_class_order(options.data, from, settings);
  return subject(options.teacher, from.settings ? *from.settings : settings, compute,
                 options.eval_batch_size);
}

/// The student's settings, of a task that has the knowledge base's new classes too.
data::TaskSettings settings_with_new_classes(const EvalInputs& inputs) {
  data::TaskSettings settings = inputs.student.settings;
  settings.task = inputs.student.task();
  return settings;
}

}  // namespace

EvalInputs load_eval_inputs(const EvalOptions& options, const tensor::Compute& compute,
                            run::RunDirectory& run) {
  EvalInputs inputs;
  const Inherited model = inherit(options.model);
  inputs.inherited = model.settings || options.kb.empty() ? model : inherit(options.kb);
  if (model.split) inputs.model_selected_on = data::to_string(model.split->validation);
  const auto settings = resolve_settings(options.data, inputs.inherited);
  check_class_order(options.data, model, settings);
  run.add_input_directory(options.model);
  inputs.student = subject(options.model, settings, compute, options.eval_batch_size);
  if (!options.kb.empty()) load_retriever(options, inputs, run);
  const bool of_classes = options.beta_mode == "entropy" || options.beta_mode == "gate";
  if (of_classes && settings.task.regression()) {
    throw base::ConfigError(
        "--beta-mode {}: task {} has scores, which have no entropy; take similarity",
        options.beta_mode, settings.task.name);
  }
  if (!options.teacher.empty()) {
    inputs.teacher = load_teacher(options, settings, compute, run);
    inputs.teacher->new_classes = inputs.student.new_classes;
  }
  return inputs;
}

TuningRows tuning_rows(const EvalOptions& options, const EvalInputs& inputs,
                       run::RunDirectory& run) {
  const auto settings = settings_with_new_classes(inputs);
  if (!options.tune_file.empty()) {
    run.add_input(options.tune_file);
    const data::Task task = task_of_file(options.data, settings.task, options.tune_file);
    auto rows = labelled_part(
        data::read_dataset(options.tune_file, task, task.dev, options.data.bad_rows()));
    return {std::move(rows), options.tune_file};
  }
  auto data = read_task_data(options.data, settings, inputs.inherited, run);
  const std::string name = data::to_string(data.split.validation);
  if (inputs.new_rows.empty()) return {std::move(data.validation), name};
  const auto& kb = inputs.retriever->knowledge_base();
  if (kb.text_a.empty()) {
    spdlog::warn(
        "{} was exported without its texts: its new rows cannot be asked, so they are not "
        "selected on",
        options.kb);
    return {std::move(data.validation), name};
  }
  const auto asked = evaluation::sample_of_new_rows(kb, inputs.new_rows, data.validation.size(),
                                                    static_cast<std::uint64_t>(options.run.seed));
  if (asked.empty()) return {std::move(data.validation), name};
  const auto rows = distill::dataset_of(retrieval::rows_of(kb, asked));
  return {data::joined(data.validation, rows),
          fmt::format("{} and {} new rows", name, asked.size())};
}

const TuningRows& Tuning::part() {
  if (!part_) part_ = tuning_rows(options_, inputs_, run_);
  return *part_;
}

const evaluation::Queries& Tuning::queries() {
  if (!queries_) queries_ = evaluation::ask(inputs_.student, part().rows, "rows to select on");
  return *queries_;
}

std::string split_to_score(const EvalOptions& options, const EvalInputs& inputs) {
  if (options.split != "auto") return options.split;
  const auto& split = inputs.inherited.split;
  const bool held_out = !split || split->validation.holdout;
  const bool dev = !options.data.dev_file.empty() || !held_out ||
                   find_split_file(options.data, inputs.student.settings.task, data::Split::kDev);
  if (!dev) spdlog::info("{} has no dev file: the holdout is scored", options.data.data);
  return dev ? "dev" : "holdout";
}

data::Dataset rows_to_score(const EvalOptions& options, const EvalInputs& inputs,
                            run::RunDirectory& run) {
  const auto settings = settings_with_new_classes(inputs);
  data::Dataset rows;
  if (options.split == "dev") {
    rows = read_split_file(options.data, settings, data::Split::kDev);
  } else if (options.split == "test") {
    rows = read_split_file(options.data, settings, data::Split::kTest);
  } else {
    const auto data = read_task_data(options.data, settings, inputs.inherited, run);
    if (options.split == "holdout" && !data.split.validation.holdout) {
      throw base::ConfigError("--split holdout: {} was made with --validation dev and has none",
                              options.model);
    }
    rows = options.split == "train" ? data.train : data.validation;
  }
  if (options.sweep && !rows.fully_labelled()) {
    throw base::DataError("{}: --sweep scores every setting: it needs a label in every row",
                          rows.path.string());
  }
  run.add_input(rows.path, rows.sha256);
  return rows;
}

std::optional<data::Dataset> mismatched_rows(const EvalOptions& options, const data::Task& task,
                                             run::RunDirectory& run) {
  const bool test = options.split == "test";
  const std::string& name = test ? task.test_mismatched_file : task.dev_mismatched_file;
  const auto path = std::filesystem::path(options.data.data) / name;
  if ((!test && options.split != "dev") || name.empty() || !std::filesystem::exists(path)) {
    return std::nullopt;
  }
  run.add_input(path);
  const data::Task laid_out = task_of_file(options.data, task, path);
  return data::read_dataset(path, laid_out, test ? laid_out.test : laid_out.dev,
                            options.data.bad_rows());
}

evaluation::Warnings early_warnings(const EvalInputs& inputs,
                                    const evaluation::SelectedRetrieval& selected) {
  evaluation::Warnings warnings = selected.warnings;
  if (inputs.retriever->knowledge_base().provenance.teacher_saw_holdout) {
    warnings.push_back(
        "the knowledge base's teacher was not trained here and may have seen the rows that are "
        "held out");
  }
  if (selected.choice.ef_search) {
    evaluation::append(warnings, evaluation::ef_search_warnings(*selected.choice.ef_search));
  }
  tell(warnings);
  return warnings;
}

}  // namespace reaugkd::stages
