#include "evaluation/setting_selection.h"

#include <algorithm>

#include "retrieval/calibrated_loss.h"
#include "train/predict.h"

namespace reaugkd::evaluation {
namespace {

using retrieval::RetrievalSetting;
using retrieval::SoftLabels;

/// Those of the setting's rule.
torch::Tensor labels_of(const std::vector<SoftLabels>& soft_labels,
                        const RetrievalSetting& setting) {
  return std::ranges::find(soft_labels, setting.answers, &SoftLabels::rule)->values;
}

/// The validation part with neighbors for the largest k of the grid; an ef is selected first.
LabelledQueries asked(const SelectionOptions& options, const ValidationPart& validation,
                      Retriever& retriever, RetrievalChoice& choice) {
  const auto largest_k = std::ranges::max(options.grid.k);
  retriever.search_as_for(largest_k);
  Queries queries = validation.queries;
  if (!options.ef_search_grid.empty() && retriever.index().approximate()) {
    choice.ef_search = retriever.select_ef_search(options.ef_search_grid, queries.embeddings,
                                                  validation.rows, largest_k, options.seed);
    choice.ef_search_selected_on = validation.name;
  }
  queries.neighbors = retriever.search(queries.embeddings, validation.rows, largest_k);
  return {queries, validation.rows.labels};
}

/// The task's first metric on the validation part.
retrieval::Criterion metric_of(const data::Task& task, const std::vector<float>& labels) {
  return [&task, &labels](const torch::Tensor& combined) {
    return train::score(task, combined, labels).at(task.metrics.front());
  };
}

/// What the settings are compared by; `better` is empty for the loss.
struct Comparison {
  std::string name;
  retrieval::Criterion better;
  double sign = 1;  // of the value that is shown
};

Comparison comparison_of(SelectBy by, const data::Task& task, const torch::Tensor& labels,
                         const retrieval::Criterion& metric) {
  if (by == SelectBy::kMetric) return {task.metrics.front(), metric};
  if (by == SelectBy::kLoss || task.regression()) return {"loss", {}};
  const auto better = [labels](const torch::Tensor& combined) {
    return -retrieval::calibrated_loss(combined, labels);
  };
  return {"calibrated loss", better, -1};
}

SelectionRecord record_of(const retrieval::RetrievalGrid& grid, const RetrievalSetting& setting,
                          const Comparison& by, const data::Task& task,
                          const LabelledQueries& validation, const std::string& selected_on) {
  const auto& student = validation.queries.probabilities;
  SelectionRecord record;
  record.selected_on = selected_on;
  record.selected_by = by.name;
  if (by.better) {
    record.score = by.sign * setting.score;
    record.score_student = by.sign * by.better(student);
  }
  record.examples = static_cast<std::int64_t>(validation.labels.size());
  record.loss = setting.loss;
  record.loss_student =
      retrieval::selection_loss(grid, student, torch::tensor(validation.labels), task.kind());
  return record;
}

}  // namespace

SelectedRetrieval select_retrieval(const SelectionOptions& options, const data::Task& task,
                                   const std::vector<SoftLabels>& soft_labels,
                                   const ValidationPart* validation, Retriever& retriever) {
  SelectedRetrieval selected;
  RetrievalChoice& choice = selected.choice;
  if (validation != nullptr) selected.validation = asked(options, *validation, retriever, choice);
  const auto permuted = retriever.permuted(soft_labels, options.seed);
  const auto& grid = options.grid;
  if (options.fixed) {
    choice.setting = {.k = grid.k[0],
                      .beta = grid.beta[0],
                      .tau = grid.tau[0],
                      .answers = soft_labels[0].rule,
                      .balance = grid.balance[0]};
    selected.permuted_setting = choice.setting;
  } else {
    const auto& queries = selected.validation->queries;
    const auto labels = torch::tensor(selected.validation->labels);
    const auto own = retriever.own_classes(validation->rows);
    const auto metric = metric_of(task, selected.validation->labels);
    const auto by = comparison_of(options.by, task, labels, metric);
    const auto best_of = [&](const std::vector<SoftLabels>& values,
                             const retrieval::Criterion& better) {
      return retrieval::select_setting(grid, queries.neighbors, values, queries.probabilities,
                                       labels, task.kind(), better, own);
    };
    choice.setting = best_of(soft_labels, by.better);
    selected.permuted_setting = best_of(permuted, by.better);
    if (choice.unused() && options.by == SelectBy::kLoss) {
      const auto refused = best_of(soft_labels, metric);
      selected.warnings = refused_hints({refused, task.metrics.front(), refused.score,
                                         metric(queries.probabilities), validation->name});
    }
    choice.selection =
        record_of(grid, choice.setting, by, task, *selected.validation, validation->name);
  }
  selected.soft_labels = labels_of(soft_labels, choice.setting);
  selected.permuted_soft_labels = labels_of(permuted, selected.permuted_setting);
  retriever.answer_with(selected.soft_labels);
  choice.beta_mode = options.beta_mode;
  choice.index = retriever.index().kind();
  choice.rows = retriever.knowledge_base().size();
  return selected;
}

}  // namespace reaugkd::evaluation
