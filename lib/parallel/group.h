// The connection of this process with the other ranks: the one header that sees c10d. Used by
// group.cpp, which makes and ends it, and by ranks.cpp and gradient_sum.cpp, which talk over it.
#pragma once

#include "parallel/ranks.h"

#ifdef REAUGKD_RANKS
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef REAUGKD_NCCL
#include "parallel/nccl.h"
#endif

namespace reaugkd::parallel {

/// One connection for each process, never destroyed: what is behind it has threads of its own.
struct Group {
  Place place;
  std::chrono::seconds timeout{};
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> processes;
#ifdef REAUGKD_NCCL
  c10::intrusive_ptr<c10d::Backend> gpus = {};  // from the first tensor on a GPU on
#endif
  bool alone = false;
  bool lost = false;             // the store does not answer
  std::vector<int> silent = {};  // ranks that are known to be gone

  bool connected() const {
    return processes && !alone;
  }

  bool has(const std::string& key) const {
    return store->check({key});
  }
  std::string text(const std::string& key) const {
    const auto bytes = store->get(key);
    return {bytes.begin(), bytes.end()};
  }
  void set(const std::string& key, const std::string& value) const {
    store->set(key, std::vector<std::uint8_t>(value.begin(), value.end()));
  }
};

Group& group();

/// Throws why a call between ranks failed: who has ended, and how.
[[noreturn]] void explain(const std::exception& failure);

/// with_others(group) with the group for tensors that lie as `tensor` does.
template <typename Talk>
void talk(const torch::Tensor& tensor, const Talk& with_others) {
  Group& all = group();
  try {
#ifdef REAUGKD_NCCL
    if (tensor.is_cuda()) {
      if (!all.gpus) {
        all.gpus = connect_gpus(all.store, all.place.rank, all.place.size,
                                std::chrono::milliseconds(all.timeout));
      }
      return with_others(*all.gpus);
    }
#endif
    (void)tensor;
    with_others(*all.processes);
  } catch (const base::Error&) {
    throw;
  } catch (const std::exception& failure) {
    explain(failure);
  }
}

/// `tensor` where the ranks' calls take it from: on a GPU where NCCL is there, else on the CPU.
torch::Tensor where_it_travels(const torch::Tensor& tensor);
/// Same memory as bytes, so that no call need know the dtype.
torch::Tensor bytes_of(const torch::Tensor& contiguous);
/// `own` (n, ...) of every rank, where rank i has rows[i] of them.
std::vector<torch::Tensor> gather(const torch::Tensor& own, const std::vector<std::int64_t>& rows);

}  // namespace reaugkd::parallel
#endif
