// The ranks that work on one command together: this process alone, or several that LibTorch's c10d
// connects (Gloo). The only module that knows c10d. Every rank runs the same code on the same
// data; what they divide is a batch on its way through a model (models/thread_parallel.h).
#pragma once

#include <torch/torch.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "parallel/place.h"

namespace reaugkd::parallel {

/// Another rank has ended or does not answer. Exit code 7.
class RankError : public base::Error {
 public:
  explicit RankError(const std::string& message) : Error(7, message) {}
};

/// Whether this build can connect ranks.
bool available();

/// Connects the ranks of `place`, all of which must call it with equal `identity`. No rank of a
/// place of size 1. Throws ConfigError where a rank's identity is another, RankError where not all
/// of them come within `timeout`, which is also how long a rank waits for another from then on.
void join(const Place& place, std::chrono::seconds timeout, const base::Json& identity);

/// Of this process; 0 and 1 where it is alone.
int rank();
int size();
int local_rank();

/// While it lives, this rank works alone: what it measures or writes is its own.
class AloneGuard {
 public:
  AloneGuard();
  ~AloneGuard();
  AloneGuard(const AloneGuard&) = delete;
  AloneGuard& operator=(const AloneGuard&) = delete;

 private:
  bool before_;
};

// Each of the following is called by every rank, in the same order. They throw RankError.

/// The rows of all ranks, one rank's after the other's: `own` (rows[rank()], ...), any dtype.
torch::Tensor join_rows(const torch::Tensor& own, const std::vector<std::int64_t>& rows);
/// Rank owners[i]'s tensors[i] (any dtype) in every rank's, which has its shape.
void copy_of_owners(std::vector<torch::Tensor>& tensors, const std::vector<int>& owners);
/// Rank 0's tensor (any dtype) in every rank's `tensor`, which has its shape.
void copy_of_first(torch::Tensor& tensor);
/// Rank 0's text.
std::string text_of_first(const std::string& text);
/// The largest of the ranks' values.
std::int64_t largest(std::int64_t value);

/// Throws Interrupted on every rank where one of them was asked to stop: all at the same place, and
/// none waits for another that has gone. Here rank 0 also logs what others have warned of.
void stop_if_any_interrupted();

/// The command is done: rank 0 waits until the others know, a moment. They may still be at work
/// where rank 0 found nothing to do; their next call ends them (FinishedElsewhere).
void leave() noexcept;
/// The command has failed here, so that the others can say where and why.
void leave_with(const std::string& message) noexcept;

/// Rank 0 has finished, and this rank has nothing more to do. It may be thrown in a way back, and
/// the threads in which LibTorch goes back on a GPU end the process for what is no std::exception.
class FinishedElsewhere : public std::exception {
 public:
  const char* what() const noexcept override { return "rank 0 has finished"; }
};

}  // namespace reaugkd::parallel
