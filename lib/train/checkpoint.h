// The training loop's state on disk, so that a run that was stopped goes on as if it had not been.
// Dropout and batch order are seeded by step and epoch, so counters and tensors are all of it.
#pragma once

#include <filesystem>
#include <optional>

#include "base/json.h"
#include "run/run_directory.h"
#include "tensor/safetensors.h"

namespace reaugkd::train {

/// Where a fit keeps its state and how often.
struct CheckpointOptions {
  run::CheckpointPlace place;
  std::int64_t save_steps = 0;  // every N steps; 0: by time alone
  double save_minutes = 10;     // 0: never by time
};

struct Checkpoint {
  base::Json progress;  // counters and scores of the loop
  tensor::TensorMap tensors;
};

/// One file, replaced as a whole: an earlier checkpoint stays until the new one is safe on disk.
void save_checkpoint(const run::CheckpointPlace& place, const Checkpoint& checkpoint);

/// What is there to go on from; empty where there is nothing or place.resume is false. Throws
/// ConfigError, naming what differs, where it was written with other options or inputs, and
/// ArtifactError where it is no checkpoint. An option that an older version did not record has its
/// default.
std::optional<Checkpoint> load_checkpoint(const run::CheckpointPlace& place);

/// What rank 0 has loaded, on every rank: the others have no directory of theirs.
std::optional<Checkpoint> of_first_rank(std::optional<Checkpoint> own);

}  // namespace reaugkd::train
