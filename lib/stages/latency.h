// What a prediction costs with and without retrieval, measured on real rows.
#pragma once

#include <string>

#include "core/json.h"
#include "stages/model.h"
#include "stages/retriever.h"

namespace reaugkd::stages {

struct Latency {
  core::Json summary;  // for metrics.json
  std::string table;   // latency.tsv: a line for each example at batch 1, in milliseconds
};

/// Answers up to `examples` rows one at a time and in batches of `batch_size`. Of each query the
/// model's forward (from token ids) and, right after it, retrieval (equations 5 to 7) are timed, so
/// that both meet the same machine; "with_retrieval" is their sum. Milliseconds per example;
/// throughput in examples per second, over 8 batches. overhead_percent is the time more: of the
/// medians at batch 1, of the sums in throughput. `retriever` may be null: the model alone.
Latency measure_latency(Model& model, const text::EncodedDataset& rows,
                        const TaskSettings& settings, const Compute& compute,
                        std::int64_t batch_size, std::int64_t examples, const Retriever* retriever,
                        const retrieval::RetrievalSetting& setting);

}  // namespace reaugkd::stages
