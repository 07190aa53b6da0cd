// What a prediction costs with and without retrieval, measured on real rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "evaluation/retriever.h"
#include "train/model.h"

namespace reaugkd::evaluation {

/// Milliseconds of a query.
struct Quantiles {
  double p50 = 0, p95 = 0, p99 = 0;
};

struct Latency {
  struct WithRetrieval {
    Quantiles at_batch_1;
    double overhead_percent = 0;  // of the medians
    double examples_per_second = 0;
    double throughput_overhead_percent = 0;  // of the sums
  };
  std::int64_t examples = 0;
  std::int64_t batch_size = 0;
  Quantiles at_batch_1;  // the model alone
  double examples_per_second = 0;
  std::optional<WithRetrieval> with_retrieval;
};

/// What was measured, and latency.tsv: a line for each example at batch 1, in milliseconds.
struct LatencyMeasurement {
  Latency latency;
  std::string table;
};

/// Answers up to `examples` rows one at a time and in batches of `batch_size`. Of each query the
/// model's forward (from token ids) and, right after it, retrieval (equations 5 to 7) are timed, so
/// that both meet the same machine; with_retrieval is their sum. Throughput is over 8 batches.
/// `retriever` may be null: the model alone.
LatencyMeasurement measure_latency(train::Model& model, const text::EncodedDataset& rows,
                                   const data::TaskSettings& settings,
                                   const tensor::Compute& compute, std::int64_t batch_size,
                                   std::int64_t examples, const Retriever* retriever,
                                   const retrieval::RetrievalSetting& setting);

}  // namespace reaugkd::evaluation
