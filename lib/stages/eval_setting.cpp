#include "stages/eval_setting.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/error.h"
#include "base/sha256.h"
#include "evaluation/coverage.h"
#include "models/model_directory.h"
#include "retrieval/kb_manifest.h"
#include "serving/setting_file.h"

namespace reaugkd::stages {
namespace {

/// Whether no row that is selected on has a class that the student cannot name: a single row of a
/// class finds no other. Such rows do not say how much a class of few rows may count.
bool knows_no_new_class(const EvalInputs& inputs, const data::Dataset& rows) {
  const auto known = static_cast<float>(inputs.student.settings.task.num_labels());
  return std::ranges::none_of(rows.labels, [&](float label) { return label >= known; });
}

/// What the rows are answered, as predict would. (n, C)
torch::Tensor final_predictions(EvalInputs& inputs, const retrieval::RetrievalSetting* setting,
                                Tuning& tuning) {
  const auto& queries = tuning.queries();
  if (setting == nullptr) return queries.probabilities;
  const auto& retriever = *inputs.retriever;
  const auto neighbors = retriever.search(queries.embeddings, tuning.part().rows, setting->k);
  return retrieval::predict(*setting, neighbors, retriever.soft_labels(), queries.probabilities,
                            retriever.class_rows())
      .combined;
}

serving::KnowledgeBaseSetting knowledge_base_setting(const EvalOptions& options,
                                                     const EvalInputs& inputs,
                                                     const evaluation::RetrievalChoice& choice) {
  serving::KnowledgeBaseSetting setting;
  setting.retrieval = choice.setting;
  setting.index = choice.index;
  const auto& index = inputs.retriever->index();
  if (index.approximate()) setting.candidates = index.candidates();
  setting.rows = choice.rows;
  setting.kb_sha256 =
      base::sha256_of_file(std::filesystem::path(options.kb) / retrieval::kManifestFile);
  return setting;
}

}  // namespace

evaluation::SelectedRetrieval chosen_retrieval(const EvalOptions& options, EvalInputs& inputs,
                                               Tuning& tuning) {
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
  const auto& [rows, name] = tuning.part();
  if (selection.grid.balance.size() > 1 && knows_no_new_class(inputs, rows)) {
    selection.grid.balance = {inputs.student.new_classes.empty() ? 0.0 : 1.0};
  }
  const evaluation::ValidationPart validation{rows, name, tuning.queries()};
  return select_retrieval(selection, task, inputs.soft_labels, &validation, *inputs.retriever);
}

std::optional<evaluation::ChosenThreshold> chosen_threshold(
    const EvalOptions& options, EvalInputs& inputs, const retrieval::RetrievalSetting* setting,
    Tuning& tuning) {
  if (!options.target_precision) return {};
  if (inputs.student.task().regression()) {
    throw base::ConfigError(
        "--target-precision {}: task {} has scores, which are not right or "
        "wrong; leave it out",
        *options.target_precision, inputs.student.settings.task.name);
  }
  const auto point = evaluation::threshold_for(*options.target_precision,
                                               final_predictions(inputs, setting, tuning),
                                               tuning.part().rows.labels);
  const std::string& name = tuning.part().name;
  if (!point) {
    spdlog::warn("--target-precision {}: no probability reaches it on {}, so none is chosen",
                 *options.target_precision, name);
    return {};
  }
  return evaluation::ChosenThreshold{*options.target_precision, *point, name};
}

void write_setting(const EvalOptions& options, const EvalInputs& inputs,
                   const evaluation::Report& report, const run::RunDirectory& run) {
  if (options.kb_rows < 1) return;
  serving::Setting setting;
  setting.model_sha256 = models::digest_of_queries(options.model);
  if (report.retrieval) {
    setting.knowledge_base = knowledge_base_setting(options, inputs, *report.retrieval);
  }
  if (const auto& threshold = report.threshold) {
    setting.threshold = {threshold->point.min_probability,
                         threshold->target_precision,
                         threshold->point.accuracy,
                         threshold->point.coverage,
                         threshold->chosen_on,
                         tensor::to_string(inputs.student.compute.precision)};
  }
  serving::save_setting(setting, run.path() / serving::kSettingFile);
}

}  // namespace reaugkd::stages
