// What a training minimises: the interface between the one loop (fit.h) and every stage and method.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tensor/safetensors.h"
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

/// What is trained. Methods that train two models at once are one objective with more groups.
class Objective {
 public:
  virtual ~Objective() = default;
  /// Once, before anything is written; may throw ConfigError.
  virtual void begin_fit(std::int64_t total_steps) { (void)total_steps; }
  virtual void begin_step(const Moment& moment) { (void)moment; }
  virtual LossTerms loss(const std::vector<std::int64_t>& rows) = 0;
  virtual std::vector<ParameterGroup> parameter_groups() = 0;
  virtual void set_training(bool training) = 0;
  /// Whether the loss compares rows of a batch with one another: which rows meet must then be
  /// chance, not their length.
  virtual bool compares_rows() const { return false; }
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

}  // namespace reaugkd::train
