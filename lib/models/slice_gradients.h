// The gradients of a batch whose slices go the way back alone, each on a thread of its own.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

namespace reaugkd::models {

/// Takes each parameter's gradient when a slice's way back has made it. Once all slices have, adds
/// them up in the order of the slices and, where several ranks work together, over the ranks while
/// the way back goes on. Made before the slices go forward.
class SliceGradients {
 public:
  SliceGradients(std::vector<torch::Tensor> parameters, std::int64_t slices, bool over_ranks);
  ~SliceGradients();
  SliceGradients(const SliceGradients&) = delete;
  SliceGradients& operator=(const SliceGradients&) = delete;

  /// The way back begins. `outputs` are one slice's, from which it will start: the same of each
  /// slice and on each rank.
  void begin(const std::vector<torch::Tensor>& outputs);
  /// The way back of one slice, on the thread that calls it: from `outputs` with `gradients`.
  /// Throws RankError.
  void back(std::int64_t slice, const std::vector<torch::Tensor>& outputs,
            const std::vector<torch::Tensor>& gradients);
  /// The sums, as the parameters; undefined where there is none. Every rank calls it. Throws
  /// RankError.
  std::vector<torch::Tensor> finish();

 private:
  struct State;
  class Hook;
  class WayBack;

  std::shared_ptr<State> state_;
  // What gradients of the parameters arrive at, in the graphs of the slices.
  std::vector<torch::autograd::Edge> arrivals_;
};

}  // namespace reaugkd::models
