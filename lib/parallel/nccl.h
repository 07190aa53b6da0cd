// c10d's NCCL, for tensors on GPUs. Used by group.h, in builds with CUDA.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>

namespace reaugkd::parallel {

/// The ranks of `store`, each with the GPU that its tensors are on. Throws c10::Error.
c10::intrusive_ptr<c10d::Backend> connect_gpus(const c10::intrusive_ptr<c10d::Store>& store,
                                               int rank, int size,
                                               std::chrono::milliseconds timeout);

}  // namespace reaugkd::parallel
