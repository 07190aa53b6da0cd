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
/// torch::manual_seed repeats it. x's first dimension is a batch's texts.
torch::Tensor dropout(const torch::Tensor& x, double p, bool training);
/// The same for a row of each token: x (B, T, H), or without padding (N, H).
torch::Tensor dropout_of_tokens(const torch::Tensor& x, double p, bool training);
/// The same for x that all texts of a batch share.
torch::Tensor dropout_of_shared(const torch::Tensor& x, double p, bool training);

/// Which texts of a batch a thread computes. A text's masks are those that it has where the batch
/// is computed whole.
struct SliceOfBatch {
  std::int64_t begin = 0;          // texts before it
  std::int64_t texts = 0;          // in it
  std::int64_t batch = 0;          // in all
  std::int64_t tokens_before = 0;  // of the texts before it
  std::int64_t pairs_before = 0;   // of their tokens: the sum of their numbers' squares

  /// Of a tensor whose first dimension has `groups` of the slice's texts, one group after the
  /// other: where `place` of it is in such a tensor of the whole batch.
  std::int64_t in_batch(std::int64_t place) const {
    return texts == 0 ? place : place / texts * batch + begin + place % texts;
  }
};

/// While it lives, this thread's calls take their keys from `seed` and not from LibTorch's
/// generator, which all threads share, and work on `slice`.
class DropoutKeys {
 public:
  DropoutKeys(std::uint64_t seed, const SliceOfBatch& slice);
  ~DropoutKeys();
  DropoutKeys(const DropoutKeys&) = delete;
  DropoutKeys& operator=(const DropoutKeys&) = delete;

  const SliceOfBatch& slice() const { return slice_; }
  base::Random& random() { return random_; }

 private:
  base::Random random_;
  SliceOfBatch slice_;
  DropoutKeys* before_;
};

/// What this thread works on; outside of DropoutKeys a batch that is whole.
SliceOfBatch slice_of_thread();
/// Values of x (B, T, H) or (N, H) that belong to texts before this thread's.
std::int64_t token_values_before(const torch::Tensor& x);

/// What a kernel drops by: the key of one call, whose mask begins `positions` further on, and its
/// mask.
std::int64_t next_dropout_key(std::int64_t positions = 0);
kernels::DropoutMask dropout_mask(std::uint64_t key, double p);

}  // namespace reaugkd::models
