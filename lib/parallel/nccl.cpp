#ifdef REAUGKD_NCCL
#define USE_C10D_NCCL
#include "parallel/nccl.h"

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

namespace reaugkd::parallel {

c10::intrusive_ptr<c10d::Backend> connect_gpus(const c10::intrusive_ptr<c10d::Store>& store,
                                               int rank, int size,
                                               std::chrono::milliseconds timeout) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
}

}  // namespace reaugkd::parallel
#endif
