// The one training loop: set rate, forward, backward, clip, step, zero, log, evaluate when due. It
// knows neither BERT nor the paper; a stage passes its loss in as a Step.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/json.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/optimizer.h"

namespace reaugkd::train {

/// The loss of a batch: what is minimised, and its named parts for the log. Scalars.
struct LossTerms {
  torch::Tensor total;
  std::vector<std::pair<std::string, torch::Tensor>> terms;
};

/// Where a fit stands as a step begins.
struct Moment {
  std::int64_t step = 0;  // 0-based
  std::int64_t total_steps = 1;
  double rate_factor = 1;  // of the schedule, on every group's rate
};

/// What is trained. Methods that train two models at once are one Step with more groups.
class Step {
 public:
  virtual ~Step() = default;
  /// Once, before anything is written; may throw ConfigError.
  virtual void begin_fit(std::int64_t total_steps) { (void)total_steps; }
  virtual void begin_step(const Moment& moment) { (void)moment; }
  virtual LossTerms loss(const std::vector<std::int64_t>& rows) = 0;
  virtual std::vector<ParameterGroup> parameter_groups() = 0;
  virtual void set_training(bool training) = 0;
  /// Whether what step `last` (0-based) has left may be kept as the best: not while a part of the
  /// model is still as it was drawn. That of the last step of all may.
  virtual bool may_be_kept(std::int64_t last, std::int64_t total_steps) const {
    (void)last, (void)total_steps;
    return true;
  }
  /// What it changes beside the parameters of its groups, for the checkpoint.
  virtual tensor::TensorMap state() const { return {}; }
  virtual void load_state(const tensor::TensorMap& state, const std::string& where) {
    (void)state, (void)where;
  }
};

struct FitOptions {
  std::string what;  // for the progress line: the stage
  std::int64_t epochs = 3;
  std::int64_t accumulation = 1;  // batches a step
  double warmup_ratio = 0.1;
  double max_grad_norm = 1;
  std::int64_t eval_steps = 0;  // 0: after each epoch
  std::int64_t logging_steps = 10;
  std::int64_t early_stopping_patience = 0;  // validations without a new best; 0: never
  std::uint64_t seed = 0;
  CheckpointOptions checkpoint;
};

/// A model's score on the validation part, larger is better, and what else is worth logging.
struct Validation {
  double score = 0;
  core::Json details;
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
FitResult fit(const FitOptions& options, Step& step,
              const std::function<Batches(std::int64_t epoch)>& batches,
              const std::function<Validation()>& validate, const std::filesystem::path& log_path);

}  // namespace reaugkd::train
