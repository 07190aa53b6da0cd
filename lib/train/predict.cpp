#include "train/predict.h"

#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "metrics/metrics.h"
#include "models/thread_parallel.h"
#include "train/batches.h"

namespace reaugkd::train {
namespace {

/// Brings a pass's outputs to the host, into row order. A GPU stands idle while the host waits for
/// what it computed, so there the outputs of many batches come in one copy.
class Outputs {
 public:
  Outputs(std::int64_t rows, const torch::Device& device)
      : size_(rows), batches_a_copy_(device.is_cpu() ? 1 : 32) {}

  void add(const std::vector<std::int64_t>& rows, const models::ClassifierOutput& output) {
    rows_.insert(rows_.end(), rows.begin(), rows.end());
    logits_.push_back(output.logits);
    embeddings_.push_back(output.embedding.contiguous());  // a view would keep all (B, T, H) alive
    if (!output.query.is_same(output.embedding)) queries_.push_back(output.query);
    if (logits_.size() == batches_a_copy_) copy();
  }

  Predictions take() {
    if (!rows_.empty()) copy();
    if (!predictions_.queries.defined()) predictions_.queries = predictions_.embeddings;
    return std::move(predictions_);
  }

 private:
  void copy() {
    const auto index = torch::tensor(rows_, torch::kInt64);
    copy_rows(predictions_.logits, index, logits_);
    copy_rows(predictions_.embeddings, index, embeddings_);
    if (!queries_.empty()) copy_rows(predictions_.queries, index, queries_);
    rows_.clear();
  }

  void copy_rows(torch::Tensor& to, const torch::Tensor& index, std::vector<torch::Tensor>& from) {
    const auto rows = torch::cat(from).to(torch::kCPU);
    if (!to.defined()) to = torch::empty({size_, rows.size(1)}, torch::kFloat32);
    to.index_copy_(0, index, rows);
    from.clear();
  }

  std::int64_t size_;
  std::size_t batches_a_copy_;
  std::vector<std::int64_t> rows_;
  std::vector<torch::Tensor> logits_;
  std::vector<torch::Tensor> embeddings_;
  std::vector<torch::Tensor> queries_;  // empty without a query head
  Predictions predictions_;
};

}  // namespace

Predictions predict(models::Classifier& model, const text::EncodedDataset& dataset,
                    const PredictOptions& options) {
  const torch::NoGradGuard no_grad;
  const tensor::AutocastGuard autocast(options.device, options.precision);
  model->eval();
  Outputs outputs(dataset.size(), options.device);
  std::int64_t done = 0;
  base::Progress progress(options.what, dataset.size(), "examples");
  for (const auto& rows : sorted_batches(lengths_of(dataset), options.batch_size)) {
    const auto input = collate(dataset, rows, options.pad_token_id, options.max_tokens);
    const tensor::SmallBatchGuard small(options.device, options.precision,
                                        input.input_ids.numel() * options.hidden_size);
    outputs.add(rows, models::forward_on_threads(model, input.to(options.device), options.pooling));
    done += static_cast<std::int64_t>(rows.size());
    if (!options.what.empty()) progress.update(done);
    base::stop_if_interrupted();
  }
  Predictions result = outputs.take();
  REAUGKD_CHECK(result.logits.defined(), "an empty data set");
  if (!torch::isfinite(result.logits).all().item<bool>() ||
      !torch::isfinite(result.embeddings).all().item<bool>() ||
      !torch::isfinite(result.queries).all().item<bool>()) {
    throw base::NumericError(
        "the model's outputs are not finite: it has diverged or its checkpoint "
        "holds values that are not numbers");
  }
  return result;
}

torch::Tensor probabilities_of(const torch::Tensor& logits, base::TaskKind kind) {
  return kind == base::TaskKind::kRegression ? logits
                                             : torch::softmax(logits.to(torch::kFloat32), 1);
}

std::vector<double> decisions_of(const torch::Tensor& probabilities, base::TaskKind kind) {
  const auto rows = probabilities.to(torch::kFloat32).contiguous();
  const auto* values = rows.data_ptr<float>();
  const std::int64_t columns = rows.size(1);
  std::vector<double> decisions(static_cast<std::size_t>(rows.size(0)));
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    const float* row = values + i * columns;
    decisions[i] = kind == base::TaskKind::kRegression
                       ? row[0]
                       : static_cast<double>(std::max_element(row, row + columns) - row);
  }
  return decisions;
}

metrics::Scores score(const data::Task& task, const torch::Tensor& probabilities,
                      const std::vector<float>& labels) {
  const auto decisions = decisions_of(probabilities, task.kind());
  REAUGKD_CHECK(decisions.size() == labels.size(), "{} predictions, {} labels", decisions.size(),
                labels.size());
  std::vector<double> predicted;
  std::vector<double> expected;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (std::isnan(labels[i])) continue;
    predicted.push_back(decisions[i]);
    expected.push_back(labels[i]);
  }
  metrics::Scores result;
  if (predicted.empty()) return result;
  for (const auto& name : task.metrics) {
    result.add(name, metrics::metric(name).function(predicted, expected, task.positive));
  }
  return result;
}

}  // namespace reaugkd::train
