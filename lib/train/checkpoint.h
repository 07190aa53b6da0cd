// The training loop's state on disk, so that a run that was stopped goes on as if it had not been.
// Dropout and batch order are seeded by step and epoch, so counters and tensors are all of it.
#pragma once

#include <filesystem>
#include <optional>

#include "core/json.h"
#include "tensor/safetensors.h"

namespace reaugkd::train {

/// Where a fit keeps its state and how often.
struct CheckpointOptions {
  std::filesystem::path path;   // empty: none is written
  bool resume = false;          // go on from it where it is there
  std::int64_t save_steps = 0;  // every N steps; 0: by time alone
  double save_minutes = 10;     // 0: never by time
  core::Json identity;          // options and inputs: equal, or the run cannot go on
  core::Json surroundings;      // version and machine: a difference is logged
};

struct Checkpoint {
  core::Json progress;  // counters and scores of the loop
  tensor::TensorMap tensors;
};

/// One file, replaced as a whole: an earlier checkpoint stays until the new one is safe on disk.
void save_checkpoint(const CheckpointOptions& options, const Checkpoint& checkpoint);

/// What is there to go on from; empty where there is nothing or options.resume is false. Throws
/// ConfigError, naming what differs, where it was written with other options or inputs, and
/// ArtifactError where it is no checkpoint.
std::optional<Checkpoint> load_checkpoint(const CheckpointOptions& options);

}  // namespace reaugkd::train
