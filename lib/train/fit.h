// The one training loop: set rate, forward, backward, clip, step, zero, log, evaluate when due. It
// knows neither BERT nor the paper; a stage passes its loss in as an Objective.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "metrics/scores.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/objective.h"

namespace reaugkd::train {

struct FitOptions {
  std::string what;  // for the progress line: the stage
  std::int64_t epochs = 3;
  std::int64_t accumulation = 1;  // batches a step
  double warmup_ratio = 0.1;
  double max_grad_norm = 1;
  std::int64_t eval_steps = 0;  // 0: after each epoch
  std::int64_t logging_steps = 10;
  std::int64_t early_stopping_patience = 0;      // validations without a new best; 0: never
  bool shard_optimizer = false;                  // over ranks
  torch::ScalarType exchange = torch::kFloat32;  // in which gradients go from rank to rank
  std::uint64_t seed = 0;
  CheckpointOptions checkpoint;
};

/// A model's score on the validation part, larger is better, and what else is worth logging.
struct Validation {
  double score = 0;
  metrics::Scores details;
};

struct FitResult {
  std::int64_t planned_steps = 0;
  std::int64_t steps = 0;  // fewer where it stopped early
  std::int64_t best_step = 0;
  double best_epoch = 0;
  bool stopped_early = false;
  Validation best;
  double seconds = 0;
  double examples_per_second = 0;
};

/// Trains on batches(epoch) for every epoch, in each as many of as many rows, validates, and leaves
/// the parameters at the best validation (the earlier one on a tie). One JSON line per logged step
/// and per validation goes to `log_path`. With a checkpoint to go on from, the result is that of a
/// run which was never stopped: on a CPU the same bytes, in the log too. Throws NumericError, with
/// step, rate and each term, on a loss or gradient that is not finite, and Interrupted, once the
/// checkpoint is written, where the process was asked to stop.
FitResult fit(const FitOptions& options, Objective& objective,
              const std::function<Batches(std::int64_t epoch)>& batches,
              const std::function<Validation()>& validate, const std::filesystem::path& log_path);

}  // namespace reaugkd::train
