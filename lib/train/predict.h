// One pass of a model over a data set: logits, probabilities and embeddings of every row, and how
// they score. Used for validation during training, and by project, build-kb and eval.
#pragma once

#include <torch/torch.h>

#include "data/dataset.h"
#include "data/task.h"
#include "metrics/scores.h"
#include "models/classifier.h"
#include "tensor/device.h"
#include "text/encoded_dataset.h"

namespace reaugkd::train {

struct PredictOptions {
  std::int64_t batch_size = 128;
  models::Pooling pooling = models::Pooling::kCls;
  torch::Device device = torch::kCPU;
  tensor::Precision precision = tensor::Precision::kFp32;
  std::int64_t pad_token_id = 0;
  std::int64_t max_tokens = 128;
  std::int64_t hidden_size = 0;
  std::string what;  // for the progress line; empty: no progress
};

struct Predictions {
  torch::Tensor logits;      // (N, C) fp32 on the CPU
  torch::Tensor embeddings;  // (N, H) fp32 on the CPU, not normalised
  torch::Tensor
      queries;  // (N, D) the same: norm() makes s of them; without a query head embeddings
};

/// Runs `model` in eval mode without gradients over all rows, longest first; results are in row
/// order. Several ranks divide the batches, and each gets all results, the same bytes as those of
/// one rank. Throws NumericError where an output is not finite.
Predictions predict(models::Classifier& model, const text::EncodedDataset& dataset,
                    const PredictOptions& options);

/// softmax(logits) in fp32; a regression score as it is. (N, C) -> (N, C)
torch::Tensor probabilities_of(const torch::Tensor& logits, base::TaskKind kind);

/// Predicted class index (the first of equal ones) or score of each row.
std::vector<double> decisions_of(const torch::Tensor& probabilities, base::TaskKind kind);

/// The task's metrics by their Hugging Face names over the rows that have a label. Empty where none
/// has.
metrics::Scores score(const data::Task& task, const torch::Tensor& probabilities,
                      const std::vector<float>& labels);

}  // namespace reaugkd::train
