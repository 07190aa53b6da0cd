#include "stages/eval_inputs.h"

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "stages/warnings.h"

namespace reaugkd::stages {
namespace {

evaluation::Subject subject(const std::string& directory, const data::TaskSettings& settings,
                            const tensor::Compute& compute, std::int64_t batch_size) {
  evaluation::Subject loaded{train::load_trained(directory, settings), settings, compute,
                             batch_size};
  loaded.model.classifier->to(compute.device);
  return loaded;
}

void check_kb(const EvalOptions& options, const Inherited& kb, const Inherited& model,
              const data::TaskSettings& settings) {
  if (!kb.settings || kb.settings->to_json() != settings.to_json()) {
    throw base::ArtifactError(
        "{} was made for {}, {} for {}: task, class order and max_seq_length must be the same; "
        "distill from this knowledge base, or build one for this task",
        options.kb, kb.settings ? kb.settings->to_json().dump() : "nothing we know", options.model,
        settings.to_json().dump());
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
  if (!options.grid_ef_search.empty() && !inputs.retriever->index().approximate()) {
    throw base::ConfigError(
        "--grid-ef-search is about HNSW, {} is searched exactly: leave it out, or build the "
        "knowledge base with --index hnsw",
        options.kb);
  }
  const auto& rows = inputs.retriever->knowledge_base();
  evaluation::check_same_space(rows, options.kb, inputs.student.model, options.model);
  inputs.soft_labels = inputs.retriever->softened(options.grid_kb_temperature.empty()
                                                      ? std::vector<double>{options.kb_temperature}
                                                      : options.grid_kb_temperature);
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
  if (options.beta_mode == "entropy" && settings.task.regression()) {
    throw base::ConfigError(
        "--beta-mode entropy: task {} has scores, which have no entropy; take similarity",
        settings.task.name);
  }
  if (!options.teacher.empty()) inputs.teacher = load_teacher(options, settings, compute, run);
  return inputs;
}

data::Dataset rows_to_score(const EvalOptions& options, const EvalInputs& inputs,
                            run::RunDirectory& run) {
  const auto& settings = inputs.student.settings;
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
  run.add_input(rows.path);
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
  return data::read_dataset(path, task, test ? task.test : task.dev, options.data.bad_rows());
}

evaluation::Warnings early_warnings(const EvalInputs& inputs,
                                    const evaluation::RetrievalChoice& choice) {
  evaluation::Warnings warnings;
  if (inputs.retriever->knowledge_base().provenance.teacher_saw_holdout) {
    warnings.push_back(
        "the knowledge base's teacher was not trained here and may have seen the rows that are "
        "held out");
  }
  if (choice.ef_search) {
    evaluation::append(warnings, evaluation::ef_search_warnings(*choice.ef_search));
  }
  tell(warnings);
  return warnings;
}

}  // namespace reaugkd::stages
