#include "evaluation/explanation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "evaluation/row_text.h"
#include "train/predict.h"

namespace reaugkd::evaluation {
namespace {

/// "positive (0.93)" or a score.
std::string answer(const data::Task& task, const torch::Tensor& probabilities, std::int64_t row) {
  const auto values = probabilities[row].to(torch::kFloat32).contiguous();
  if (task.regression()) return fmt::format("{:.3f}", values[0].item<float>());
  const auto best = values.argmax().item<std::int64_t>();
  return fmt::format("{} ({:.3f})", task.labels[static_cast<std::size_t>(best)],
                     values[best].item<float>());
}

std::string label_of(const data::Task& task, float label) {
  if (std::isnan(label)) return "no label";
  return task.regression() ? fmt::format("{:.3f}", label)
                           : task.labels[static_cast<std::size_t>(label)];
}

/// Whether retrieval changed the prediction of each row; never for a score.
std::vector<bool> changed_rows(const data::Task& task, const RowPredictions& predictions) {
  const auto before = train::decisions_of(predictions.student, task.kind());
  const auto after = train::decisions_of(predictions.final, task.kind());
  std::vector<bool> changed(before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    changed[i] = !task.regression() && before[i] != after[i];
  }
  return changed;
}

/// Rows to show, the most telling first.
std::vector<std::int64_t> telling_rows(std::int64_t count, const std::vector<bool>& changed,
                                       const RowPredictions& predictions) {
  const auto shift = (predictions.final - predictions.student).abs().amax(1).contiguous();
  const auto* moved = shift.data_ptr<float>();
  std::vector<std::int64_t> order(changed.size());
  std::iota(order.begin(), order.end(), 0);
  const auto key = [&](std::int64_t i) { return std::tuple(!changed[i], -moved[i], i); };
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return key(a) < key(b); });
  order.resize(std::min<std::size_t>(order.size(), static_cast<std::size_t>(count)));
  return order;
}

std::string neighbor_lines(const data::Task& task, const Queries& queries,
                           const Retriever& retriever, const retrieval::RetrievalSetting& setting,
                           std::int64_t row) {
  const auto& kb = retriever.knowledge_base();
  const auto indices = queries.neighbors.indices[row];
  const auto similarities = queries.neighbors.similarities[row];
  const auto balanced =
      retrieval::balanced(queries.neighbors, retriever.class_rows(), setting.balance, setting.tau);
  const auto weights = torch::softmax(balanced.similarities[row] / setting.tau, 0);  // equation 6
  std::string text;
  for (std::int64_t n = 0; n < indices.size(0); ++n) {
    const auto neighbor = indices[n].item<std::int64_t>();
    if (neighbor < 0) break;  // fewer than k were found
    text += fmt::format("    {:.3f}  weight {:.3f}  answer {:<16}  label {:<10}  {}  {}\n",
                        similarities[n].item<float>(), weights[n].item<float>(),
                        answer(task, retriever.soft_labels(), neighbor),
                        label_of(task, kb.labels[neighbor].item<float>()),
                        kb.ids[static_cast<std::size_t>(neighbor)].to_string(),
                        row_text(kb.text_a, kb.text_b, neighbor));
  }
  return text;
}

}  // namespace

std::string explain(std::int64_t count, const data::Task& task, const data::Dataset& rows,
                    const Queries& queries, const RowPredictions& predictions,
                    const Retriever& retriever, const retrieval::RetrievalSetting& setting) {
  const auto changed = changed_rows(task, predictions);
  const auto betas =
      retrieval::betas(setting.beta, setting.rule, predictions.student, predictions.knowledge_base,
                       queries.neighbors.first(setting.k));
  std::string text;
  for (const auto row : telling_rows(count, changed, predictions)) {
    const bool unchanged = !task.regression() && !changed[row];
    text +=
        fmt::format("row {}, label {}, id {}{}\n", rows.rows[row], label_of(task, rows.labels[row]),
                    rows.id(row).to_string(), unchanged ? " (prediction unchanged)" : "");
    text += fmt::format("  {}\n", row_text(rows.text_a, rows.text_b, row));
    text += fmt::format("  student    {}\n", answer(task, predictions.student, row));
    text += fmt::format("  retrieval  {}, from similarity, weight, what the row answers:\n",
                        answer(task, predictions.knowledge_base, row));
    text += neighbor_lines(task, queries, retriever, setting, row);
    text += fmt::format("  combined   {}, beta {:.3g}\n\n", answer(task, predictions.final, row),
                        betas[row].item<double>());
  }
  return text;
}

}  // namespace reaugkd::evaluation
