#include "stages/sweep.h"

#include "core/error.h"
#include "train/predict.h"

namespace reaugkd::stages {

std::string sweep_table(const retrieval::RetrievalGrid& grid, const data::Task& task,
                        const torch::Tensor& soft_labels, const LabelledQueries& validation,
                        const LabelledQueries& scored) {
  std::string text = "k\ttau\tbeta\tvalidation_loss\tloss";
  for (const auto& name : task.metrics) text += "\t" + name;
  text += "\n";
  const auto combined = [&](const retrieval::RetrievalSetting& setting,
                            const LabelledQueries& rows) {
    return predict(setting, rows.queries.neighbors, soft_labels, rows.queries.probabilities)
        .combined;
  };
  const auto loss = [&](const torch::Tensor& p, const LabelledQueries& rows) {
    return retrieval::prediction_loss(p, torch::tensor(rows.labels), task.regression());
  };
  for (const auto k : grid.k) {
    for (const auto tau : grid.tau) {
      for (const auto beta : grid.beta) {
        const retrieval::RetrievalSetting setting{k, beta, tau};
        const auto p = combined(setting, scored);
        text += fmt::format("{}\t{}\t{}\t{:.9g}\t{:.9g}", k, tau, beta,
                            loss(combined(setting, validation), validation), loss(p, scored));
        const core::Json scores = train::score(task, p, scored.labels);
        for (const auto& name : task.metrics) {
          text += fmt::format("\t{:.9g}", scores[name].get<double>());
        }
        text += "\n";
      }
    }
  }
  return text;
}

}  // namespace reaugkd::stages
