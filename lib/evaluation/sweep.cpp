#include "evaluation/sweep.h"

#include "base/error.h"
#include "train/predict.h"

namespace reaugkd::evaluation {

std::string sweep_table(const retrieval::RetrievalGrid& grid, const data::Task& task,
                        const std::vector<retrieval::SoftLabels>& soft_labels,
                        const LabelledQueries& validation, const LabelledQueries& scored) {
  std::string text = "k\ttau\tbeta\tkb_temperature\tvalidation_loss\tloss";
  for (const auto& name : task.metrics) text += "\t" + name;
  text += "\n";
  const auto loss = [&](const torch::Tensor& p, const LabelledQueries& rows) {
    return retrieval::prediction_loss(p, torch::tensor(rows.labels), task.kind());
  };
  const auto add_line = [&](const retrieval::RetrievalSetting& setting,
                            const torch::Tensor& p_teacher) {
    const auto combined = [&](const LabelledQueries& rows) {
      return predict(setting, rows.queries.neighbors, p_teacher, rows.queries.probabilities)
          .combined;
    };
    const auto p = combined(scored);
    text += fmt::format("{}\t{}\t{}\t{}\t{:.9g}\t{:.9g}", setting.k, setting.tau, setting.beta,
                        setting.answers.temperature, loss(combined(validation), validation),
                        loss(p, scored));
    const auto scores = train::score(task, p, scored.labels);
    for (const auto& name : task.metrics) {
      text += fmt::format("\t{:.9g}", scores.at(name));
    }
    text += "\n";
  };
  for (const auto& softened : soft_labels) {
    for (const auto k : grid.k) {
      for (const auto tau : grid.tau) {
        for (const auto beta : grid.beta) {
          add_line({.k = k, .beta = beta, .tau = tau, .answers = softened.rule}, softened.values);
        }
      }
    }
  }
  return text;
}

}  // namespace reaugkd::evaluation
