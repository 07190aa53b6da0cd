// Device, precision and threads of a stage: from its options into LibTorch and into run.json.
#pragma once

#include "run/run_directory.h"
#include "tensor/device.h"

namespace reaugkd::stages {

/// Resolves device, precision and threads of `options` and notes them in the run.
tensor::Compute start_compute(const run::RunOptions& options, bool training,
                              run::RunDirectory& run);

}  // namespace reaugkd::stages
