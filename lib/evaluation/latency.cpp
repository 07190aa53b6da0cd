#include "evaluation/latency.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "models/thread_parallel.h"
#include "parallel/ranks.h"
#include "train/batches.h"

namespace reaugkd::evaluation {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kBatches = 8;  // that throughput is measured on

/// Milliseconds of each query: the model's forward, and the retrieval that follows it.
struct Times {
  std::vector<double> forward;
  std::vector<double> retrieval;

  std::vector<double> sums() const {
    std::vector<double> all = forward;
    for (std::size_t i = 0; i < retrieval.size(); ++i) all[i] += retrieval[i];
    return all;
  }
};

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::llround(q * last))];
}

Quantiles quantiles(const std::vector<double>& values) {
  return {quantile(values, 0.50), quantile(values, 0.95), quantile(values, 0.99)};
}

double percent_more(double with_retrieval, double model) {
  return 100 * (with_retrieval / model - 1);
}

std::string table_of(const Times& times) {
  const bool with_retrieval = !times.retrieval.empty();
  std::string text = with_retrieval ? "model_ms\twith_retrieval_ms\n" : "model_ms\n";
  for (std::size_t i = 0; i < times.forward.size(); ++i) {
    text += fmt::format("{:.4g}", times.forward[i]);
    if (with_retrieval) text += fmt::format("\t{:.4g}", times.forward[i] + times.retrieval[i]);
    text += "\n";
  }
  return text;
}

double total(const std::vector<double>& milliseconds) {
  return std::accumulate(milliseconds.begin(), milliseconds.end(), 0.0);
}

}  // namespace

LatencyMeasurement measure_latency(train::Model& model, const text::EncodedDataset& rows,
                                   const data::TaskSettings& settings,
                                   const tensor::Compute& compute, std::int64_t batch_size,
                                   std::int64_t examples, const Retriever* retriever,
                                   const retrieval::RetrievalSetting& setting) {
  const parallel::AloneGuard alone;  // what one process answers in
  const torch::NoGradGuard no_grad;
  const tensor::AutocastGuard autocast(compute.device, compute.precision);
  model.classifier->eval();
  examples = std::min(examples, rows.size());

  const auto ask = [&](const std::vector<std::int64_t>& batch, Times& times) {
    auto start = Clock::now();
    const auto input =
        train::collate(rows, batch, model.tokenizer->special_tokens().pad, settings.max_seq_length);
    const auto output = [&] {
      std::optional<tensor::SmallBatchGuard> small;
      if (!model.classifier->is_packed()) {
        small.emplace(compute.device, compute.precision,
                      input.input_ids.numel() * model.config.hidden_size);
      }
      return models::forward_on_threads(model.classifier, input.to(compute.device), model.pooling);
    }();
    // The answer is needed on the host either way; on a GPU this waits for it.
    const auto probabilities =
        train::probabilities_of(output.logits, settings.task.kind()).to(torch::kCPU);
    times.forward.push_back(milliseconds_since(start));
    if (retriever == nullptr) return;
    start = Clock::now();
    retriever->answer(probabilities, models::unit_rows(output.query).to(torch::kCPU), setting);
    times.retrieval.push_back(milliseconds_since(start));
  };

  Times warm_up;
  Times single;
  Times batched;
  std::int64_t batched_examples = 0;
  const auto ask_batches = [&](std::int64_t most, Times& times) {
    batched_examples = 0;
    for (std::int64_t begin = 0; begin < rows.size() && batched_examples < most * batch_size;
         begin += batch_size) {
      std::vector<std::int64_t> batch(
          static_cast<std::size_t>(std::min(batch_size, rows.size() - begin)));
      std::iota(batch.begin(), batch.end(), begin);
      ask(batch, times);
      batched_examples += static_cast<std::int64_t>(batch.size());
    }
  };
  // A GPU loads kernels and finds memory when it first meets a length.
  const bool gpu = !compute.device.is_cpu();
  const auto warm_ups = gpu ? examples : std::min<std::int64_t>(examples, 10);
  for (std::int64_t i = 0; i < warm_ups; ++i) ask({i}, warm_up);
  for (std::int64_t i = 0; i < examples; ++i) ask({i}, single);
  ask_batches(gpu ? kBatches : 1, warm_up);
  ask_batches(kBatches, batched);

  const double forward = total(batched.forward);
  const auto rate = [&](double milliseconds) {
    return 1e3 * static_cast<double>(batched_examples) / milliseconds;
  };
  Latency latency;
  latency.examples = examples;
  latency.batch_size = batch_size;
  latency.at_batch_1 = quantiles(single.forward);
  latency.examples_per_second = rate(forward);
  if (retriever != nullptr) {
    const auto both_single = quantiles(single.sums());
    const double both = total(batched.sums());
    latency.with_retrieval = {both_single, percent_more(both_single.p50, latency.at_batch_1.p50),
                              rate(both), percent_more(both, forward)};
  }
  return {latency, table_of(single)};
}

}  // namespace reaugkd::evaluation
