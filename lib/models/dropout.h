// Dropout (Srivastava et al., JMLR 2014). LibTorch draws its CPU masks one number at a time on one
// thread; ours come from a counter, so that they are vectorised, need no memory for the way back,
// and one call's mask does not depend on the number of threads.
#pragma once

#include <torch/torch.h>

#include "base/random.h"
#include "kernels/dropout.h"

namespace reaugkd::models {

/// While training, each value of x (fp32 or bf16 on a CPU; anything elsewhere) is 0 with
/// probability p, else divided by 1 - p. The key of a call comes from LibTorch's generator:
/// torch::manual_seed repeats it.
torch::Tensor dropout(const torch::Tensor& x, double p, bool training);

/// While it lives, this thread's calls take their keys from (seed, stream) and not from LibTorch's
/// generator, which all threads share.
class DropoutKeys {
 public:
  DropoutKeys(std::uint64_t seed, std::uint64_t stream);
  ~DropoutKeys();
  DropoutKeys(const DropoutKeys&) = delete;
  DropoutKeys& operator=(const DropoutKeys&) = delete;

 private:
  base::Random random_;
};

/// What a kernel of attention_weights.h drops by: the key of one call, and its mask.
std::int64_t next_dropout_key();
kernels::DropoutMask dropout_mask(std::uint64_t key, double p);

}  // namespace reaugkd::models
