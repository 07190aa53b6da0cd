#include "train/predict.h"

#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "metrics/metrics.h"
#include "models/thread_parallel.h"
#include "parallel/ranks.h"
#include "train/batches.h"

namespace reaugkd::train {
namespace {

constexpr std::size_t kBatchesUnasked = 32;  // between two looks of all ranks at interrupts

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

/// Whole batches, dealt out to the ranks: each is computed as one process would, so that the
/// answers are the same bytes.
class Dealt {
 public:
  explicit Dealt(const Batches& batches)
      : batches_(batches),
        ranks_(static_cast<std::size_t>(parallel::size())),
        rank_(static_cast<std::size_t>(parallel::rank())),
        among_ranks_(ranks_ > 1) {
    if (batches.size() < ranks_) ranks_ = 1, rank_ = 0;  // each rank computes all
  }

  /// Whether other ranks are at the same predictions, also where each computes all of them.
  bool among_ranks() const { return among_ranks_; }
  bool is_own(std::size_t batch) const { return batch % ranks_ == rank_; }

  /// To every rank the rows of the others.
  void share(Predictions& predictions) const {
    if (ranks_ == 1) return;
    std::vector<std::int64_t> order, counts;
    for (std::size_t rank = 0; rank < ranks_; ++rank) {
      const auto before = std::ssize(order);
      for (std::size_t batch = rank; batch < batches_.size(); batch += ranks_) {
        order.insert(order.end(), batches_[batch].begin(), batches_[batch].end());
      }
      counts.push_back(std::ssize(order) - before);
    }
    const auto rows = torch::tensor(order, torch::kInt64);
    const auto own = rows.split(counts)[rank_];
    const auto join = [&](torch::Tensor& values) {
      values.index_copy_(0, rows, parallel::join_rows(values.index_select(0, own), counts));
    };
    join(predictions.logits);
    join(predictions.embeddings);
    if (!predictions.queries.is_same(predictions.embeddings)) join(predictions.queries);
  }

 private:
  const Batches& batches_;
  std::size_t ranks_, rank_;
  bool among_ranks_;
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
  const Batches batches = sorted_batches(lengths_of(dataset), options.batch_size);
  const Dealt dealt(batches);
  const bool one_process = parallel::size() == 1;  // others might not have heard of a signal yet
  for (std::size_t batch = 0; batch < batches.size(); ++batch) {
    const auto& rows = batches[batch];
    done += std::ssize(rows);
    if (dealt.among_ranks() && batch % kBatchesUnasked == 0) parallel::stop_if_any_interrupted();
    if (!dealt.is_own(batch)) continue;
    const parallel::AloneGuard alone;
    const auto input = collate(dataset, rows, options.pad_token_id, options.max_tokens);
    std::optional<tensor::SmallBatchGuard> small;
    if (!model->is_packed()) {
      small.emplace(options.device, options.precision,
                    input.input_ids.numel() * options.hidden_size);
    }
    outputs.add(rows, models::forward_on_threads(model, input.to(options.device), options.pooling));
    if (!options.what.empty()) progress.update(done);
    if (one_process) base::stop_if_interrupted();
  }
  if (dealt.among_ranks()) parallel::stop_if_any_interrupted();
  Predictions result = outputs.take();
  dealt.share(result);
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
