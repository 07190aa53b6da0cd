#include "models/slice_gradients.h"

#include <torch/csrc/autograd/function_hook.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "parallel/gradient_sum.h"

namespace reaugkd::models {

using torch::autograd::Node;
using torch::autograd::variable_list;

struct SliceGradients::State {
  State(variable_list of, std::int64_t count, bool of_all_ranks)
      : parameters(std::move(of)),
        slices(count),
        over_ranks(of_all_ranks),
        of_slices(parameters.size(), variable_list(static_cast<std::size_t>(count))),
        came(parameters.size()),
        sums(parameters.size()) {}

  void take(std::size_t i, std::int64_t slice, const torch::Tensor& gradient) {
    of_slices[i][static_cast<std::size_t>(slice)] = gradient;
    if (++came[i] < slices) return;
    const torch::NoGradGuard no_grad;
    auto& gradients = of_slices[i];
    auto sum = gradients[0];
    // Into memory of its own, since the way back may still read what it gave.
    if (slices > 1 && sum.defined()) sum = sum + gradients[1];
    for (std::size_t other = 2; other < gradients.size() && sum.defined(); ++other) {
      sum.add_(gradients[other]);
    }
    gradients.clear();
    if (!sum.defined()) return;
    if (ranks) {
      ranks->ready(i, sum);
    } else {
      sums[i] = sum;
    }
  }

  /// Whose gradient arrives on this thread now; none where it is of another way back.
  std::optional<std::int64_t> slice_here() const;

  variable_list parameters;
  std::int64_t slices;
  bool over_ranks;
  std::atomic<bool> under_way = false;          // one slice, whatever thread LibTorch takes for it
  std::vector<variable_list> of_slices;         // of each parameter
  std::vector<std::atomic<std::int64_t>> came;  // slices, of each parameter
  variable_list sums;                           // of one rank
  std::unique_ptr<parallel::GradientSum> ranks;
};

namespace {

/// Whose way back this thread goes, of several slices.
thread_local const void* now_of = nullptr;
thread_local std::int64_t now_slice = 0;

/// Where the gradients of `outputs` will arrive, each with the earliest operator that gives one:
/// the way back comes to it last, since it goes from the latest operator to the earliest.
std::unordered_map<const Node*, std::uint64_t> arrivals_of(const variable_list& outputs) {
  std::unordered_map<const Node*, std::uint64_t> arrivals;
  std::unordered_set<const Node*> seen;
  std::vector<Node*> open;
  const auto visit = [&](Node* node) {
    if (node != nullptr && seen.insert(node).second) open.push_back(node);
  };
  for (const auto& output : outputs) visit(output.grad_fn().get());
  while (!open.empty()) {
    Node* node = open.back();
    open.pop_back();
    for (const auto& edge : node->next_edges()) {
      if (!edge.function) continue;
      const auto [found, first] = arrivals.emplace(edge.function.get(), node->sequence_nr());
      if (!first) found->second = std::min(found->second, node->sequence_nr());
      visit(edge.function.get());
    }
  }
  return arrivals;
}

}  // namespace

/// This thread goes the way back of a slice.
class SliceGradients::WayBack {
 public:
  WayBack(State& of, std::int64_t slice)
      : of_(of),
        before_of_(std::exchange(now_of, &of)),
        before_slice_(std::exchange(now_slice, slice)) {
    of_.under_way = true;
  }
  ~WayBack() {
    of_.under_way = false;
    now_of = before_of_;
    now_slice = before_slice_;
  }
  WayBack(const WayBack&) = delete;
  WayBack& operator=(const WayBack&) = delete;

 private:
  State& of_;
  const void* before_of_;
  std::int64_t before_slice_;
};

std::optional<std::int64_t> SliceGradients::State::slice_here() const {
  if (slices == 1) return under_way ? std::optional<std::int64_t>(0) : std::nullopt;
  return now_of == this ? std::optional(now_slice) : std::nullopt;
}

/// Of one parameter: a gradient of these slices stops here; any other goes on.
class SliceGradients::Hook : public torch::autograd::FunctionPreHook {
 public:
  Hook(std::shared_ptr<State> state, std::size_t parameter)
      : state_(std::move(state)), parameter_(parameter) {}

  variable_list operator()(const variable_list& gradients) override {
    const auto slice = state_->slice_here();
    if (!slice) return gradients;
    state_->take(parameter_, *slice, gradients[0]);
    return {torch::Tensor()};
  }

 private:
  std::shared_ptr<State> state_;
  std::size_t parameter_;
};

SliceGradients::SliceGradients(std::vector<torch::Tensor> parameters, std::int64_t slices,
                               bool over_ranks)
    : state_(std::make_shared<State>(std::move(parameters), slices, over_ranks)) {
  for (std::size_t i = 0; i < state_->parameters.size(); ++i) {
    arrivals_.push_back(torch::autograd::impl::gradient_edge(state_->parameters[i]));
    arrivals_.back().function->add_pre_hook(std::make_unique<Hook>(state_, i));
  }
}

SliceGradients::~SliceGradients() = default;

void SliceGradients::begin(const variable_list& outputs) {
  if (!state_->over_ranks) return;
  const auto arrivals = arrivals_of(outputs);
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  for (std::size_t i = 0; i < arrivals_.size(); ++i) {
    const auto found = arrivals.find(arrivals_[i].function.get());
    if (found != arrivals.end()) order.emplace_back(found->second, i);
  }
  std::ranges::sort(order, std::greater<>());
  std::vector<std::size_t> coming;
  for (const auto& [operation, i] : order) coming.push_back(i);
  state_->ranks = std::make_unique<parallel::GradientSum>(state_->parameters, coming);
}

void SliceGradients::back(std::int64_t slice, const variable_list& outputs,
                          const variable_list& gradients) {
  const WayBack here(*state_, slice);
  torch::autograd::backward(outputs, gradients, /*retain_graph=*/false);
}

variable_list SliceGradients::finish() {
  return state_->ranks ? state_->ranks->finish() : std::move(state_->sums);
}

}  // namespace reaugkd::models
