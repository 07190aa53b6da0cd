#include "models/thread_parallel.h"

#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>
#include <ATen/autocast_mode.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

#include "base/random.h"
#include "models/dropout.h"
#include "models/slice_gradients.h"
#include "parallel/ranks.h"
#include "tensor/device.h"

namespace reaugkd::models {
namespace {

using torch::autograd::variable_list;

/// Each slice keeps a gradient of every parameter until they are added up. Where they would take
/// more than this all together, the batch stays whole.
constexpr std::int64_t kMostGradientBytes = std::int64_t{4} << 30;

/// How a batch is cut: every rank has as many slices, one after the other.
struct Cut {
  std::int64_t rows;
  std::int64_t slices;  // of each rank; 1 on a GPU
  std::int64_t ranks;
  std::int64_t rank;

  std::int64_t all() const { return slices * ranks; }
  /// The first row of this rank's slice, or with `slice` = slices the row after its last.
  std::int64_t begin(std::int64_t slice) const { return begin(slice, rank); }
  std::int64_t begin(std::int64_t slice, std::int64_t of_rank) const {
    return rows * (of_rank * slices + slice) / all();
  }
  std::vector<std::int64_t> rows_of_ranks() const {
    std::vector<std::int64_t> counts;
    for (std::int64_t r = 0; r < ranks; ++r) counts.push_back(begin(slices, r) - begin(0, r));
    return counts;
  }
};

Cut cut_of(const EncoderInput& input) {
  Cut cut{input.input_ids.size(0), 1, 1, 0};
  if (at::in_parallel_region()) return cut;
  if (input.input_ids.device().is_cpu()) {
    cut.slices = static_cast<std::int64_t>(at::get_num_threads());
  }
  cut.ranks = parallel::size();
  cut.rank = parallel::rank();
  if (cut.rows < cut.all()) cut.ranks = 1, cut.rank = 0;  // each rank computes all of it
  if (cut.rows < cut.all()) cut.slices = 1;               // whole: all threads on each product
  return cut;
}

bool too_large(std::int64_t slices, const variable_list& trained) {
  std::size_t gradient_bytes = 0;
  for (const auto& parameter : trained) gradient_bytes += parameter.nbytes();
  return slices * static_cast<std::int64_t>(gradient_bytes) > kMostGradientBytes;
}

/// The parameters whose gradients are wanted; none under NoGradGuard.
variable_list trained_parameters(const Classifier& model) {
  variable_list trained;
  if (!torch::GradMode::is_enabled()) return trained;
  for (const auto& parameter : model->parameters()) {
    if (parameter.requires_grad()) trained.push_back(parameter);
  }
  return trained;
}

/// All outputs of a forward in one list, and back. The query is among them with a query head.
variable_list flat(const Classifier& model, const ClassifierOutput& output,
                   const EncoderTrace& trace) {
  variable_list all = {output.logits, output.embedding};
  if (model->has_query_head()) all.push_back(output.query);
  all.insert(all.end(), trace.hidden_states.begin(), trace.hidden_states.end());
  all.insert(all.end(), trace.attention_scores.begin(), trace.attention_scores.end());
  if (trace.values.defined()) all.push_back(trace.values);
  return all;
}

/// `states` hidden states are among them.
ClassifierOutput unflat(const Classifier& model, const variable_list& all, std::ptrdiff_t states,
                        EncoderTrace* trace) {
  const std::size_t query = model->has_query_head() ? 2 : 1;
  if (trace != nullptr) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(query) + 1;
    const auto scores = begin + states;
    trace->hidden_states.assign(begin, scores);
    if (scores != all.end()) {
      trace->attention_scores.assign(scores, all.end() - 1);
      trace->values = all.back();
    }
  }
  return {all[0], all[1], all[query]};
}

/// While it lives, autocast converts a weight anew at every use: most are used once in a slice, and
/// what a thread kept from the step before would be an old weight's.
class NoAutocastCache {
 public:
  NoAutocastCache() { at::autocast::set_autocast_cache_enabled(false); }
  ~NoAutocastCache() { at::autocast::set_autocast_cache_enabled(before_); }
  NoAutocastCache(const NoAutocastCache&) = delete;
  NoAutocastCache& operator=(const NoAutocastCache&) = delete;

 private:
  bool before_ = at::autocast::is_autocast_cache_enabled();
};

/// work(slice) by a thread for each slice, each with the caller's state of LibTorch and alone in
/// every product.
template <typename Work>
void for_slices(std::int64_t slices, bool with_gradients, const Work& work) {
  if (slices == 1) {  // of a rank: all its threads on each operator
    const at::AutoGradMode gradients(with_gradients);
    const NoAutocastCache no_cache;
    work(0);
    return;
  }
  const at::ThreadLocalState state;
  const tensor::SingleThreadedProductsGuard products;
  at::parallel_for(0, slices, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::ThreadLocalStateGuard as_caller(state);
    const at::AutoGradMode gradients(with_gradients);
    const NoAutocastCache no_cache;
    for (std::int64_t slice = begin; slice < end; ++slice) work(slice);
  });
}

/// A batch on its way through the model.
struct SlicedBatch : torch::CustomClassHolder {
  SlicedBatch(Classifier& of, const EncoderInput& batch, Pooling kind, const EncoderTrace* trace,
              const Cut& of_rows)
      : model(of), input(batch), pooling(kind), cut(of_rows), slices(of_rows.slices) {
    if (trace != nullptr) attention_from = trace->attention_from;
    if (!model->is_training()) return;
    dropout_seed = static_cast<std::uint64_t>(next_dropout_key());
    if (input.attention_mask.is_cpu()) token_counts = input.attention_mask.to(torch::kInt64).sum(1);
  }

  torch::Tensor part(const torch::Tensor& of_batch, std::int64_t slice) const {
    return of_batch.slice(0, cut.begin(slice), cut.begin(slice + 1));
  }

  SliceOfBatch place_of(std::int64_t slice) const {
    const std::int64_t begin = cut.begin(slice);
    SliceOfBatch place{begin, cut.begin(slice + 1) - begin, cut.rows};
    if (begin > 0 && token_counts.defined()) {
      const auto before = token_counts.slice(0, 0, begin);
      place.tokens_before = before.sum().item<std::int64_t>();
      place.pairs_before = before.square().sum().item<std::int64_t>();
    }
    return place;
  }

  /// LibTorch draws the masks on a GPU: ranks of one seed would drop the same places. What is drawn
  /// for the whole batch after that is the same on all ranks again.
  void seed_gpu(const char* stream, std::uint64_t counter) const {
    const auto device = input.input_ids.device();
    if (device.is_cpu() || cut.ranks == 1) return;
    auto generator = at::globalContext().defaultGenerator(device);
    const std::lock_guard lock(generator.mutex());
    generator.set_current_seed(base::stream_seed(dropout_seed, stream, counter));
  }

  /// Every slice's outputs, with their graphs where gradients are wanted.
  std::vector<variable_list> forward(bool with_gradients) {
    std::vector<variable_list> of_slices(static_cast<std::size_t>(slices));
    model->round_weights();
    if (model->is_training()) seed_gpu("rank", static_cast<std::uint64_t>(cut.rank));
    for_slices(slices, with_gradients, [&](std::int64_t slice) {
      const DropoutKeys keys(dropout_seed, place_of(slice));
      EncoderTrace trace{attention_from.value_or(EncoderTrace::kNoLayer)};
      const auto output =
          model->forward({part(input.input_ids, slice), part(input.token_type_ids, slice),
                          part(input.attention_mask, slice)},
                         pooling, attention_from ? &trace : nullptr);
      if (slice == 0) states = static_cast<std::ptrdiff_t>(trace.hidden_states.size());
      of_slices[static_cast<std::size_t>(slice)] = flat(model, output, trace);
    });
    if (model->is_training()) seed_gpu("all ranks", 0);
    return of_slices;
  }

  Classifier model;
  EncoderInput input;
  Pooling pooling;
  Cut cut;
  std::int64_t slices;
  std::optional<std::int64_t> attention_from;  // where a trace is asked for
  std::ptrdiff_t states = 0;                   // hidden states that a forward noted
  std::uint64_t dropout_seed = 0;
  torch::Tensor token_counts;               // of the batch's texts, while training on a CPU
  std::vector<variable_list> outputs;       // until the way back
  std::optional<SliceGradients> gradients;  // where they are wanted
};

/// The outputs of the whole batch, on every rank.
variable_list joined(const std::vector<variable_list>& outputs, const Cut& cut) {
  const torch::NoGradGuard no_grad;
  variable_list all;
  for (std::size_t i = 0; i < outputs.front().size(); ++i) {
    variable_list parts;
    for (const auto& slice : outputs) parts.push_back(slice[i]);
    const auto own = torch::cat(parts);
    all.push_back(cut.ranks == 1 ? own : parallel::join_rows(own, cut.rows_of_ranks()));
  }
  return all;
}

/// As one operator to autograd: from the parameters to the outputs.
class SlicedForward : public torch::autograd::Function<SlicedForward> {
 public:
  static variable_list forward(torch::autograd::AutogradContext* context,
                               const c10::intrusive_ptr<SlicedBatch>& batch,
                               at::TensorList parameters) {
    context->set_materialize_grads(false);  // what no loss looks at stays undefined
    context->saved_data["batch"] = c10::IValue::make_capsule(batch);
    batch->gradients.emplace(parameters.vec(), batch->slices, batch->cut.ranks > 1);
    batch->outputs = batch->forward(/*with_gradients=*/true);
    return joined(batch->outputs, batch->cut);
  }

  static variable_list backward(torch::autograd::AutogradContext* context,
                                const variable_list& gradients) {
    const auto capsule = context->saved_data["batch"].toCapsule();
    auto& batch = static_cast<SlicedBatch&>(*capsule);
    TORCH_CHECK(!batch.outputs.empty(), "a batch in slices has one way back");
    // Those that the way back begins with: the same of every slice.
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (gradients[i].defined() && batch.outputs[0][i].requires_grad()) begins.push_back(i);
    }
    const auto of_slice = [&](std::int64_t slice) {
      variable_list outputs;
      for (const auto i : begins) {
        outputs.push_back(batch.outputs[static_cast<std::size_t>(slice)][i]);
      }
      return outputs;
    };
    batch.gradients->begin(of_slice(0));
    for_slices(batch.slices, true, [&](std::int64_t slice) {
      variable_list slopes;
      for (const auto i : begins) slopes.push_back(batch.part(gradients[i], slice));
      const auto outputs = of_slice(slice);
      batch.outputs[static_cast<std::size_t>(slice)].clear();
      if (!outputs.empty()) batch.gradients->back(slice, outputs, slopes);
    });
    batch.outputs.clear();
    auto sums = batch.gradients->finish();
    sums.insert(sums.begin(), torch::Tensor());  // of the batch, which has no gradient
    return sums;
  }
};

}  // namespace

ClassifierOutput forward_on_threads(Classifier& model, const EncoderInput& input, Pooling pooling,
                                    EncoderTrace* trace) {
  Cut cut = cut_of(input);
  const auto trained = trained_parameters(model);
  if (too_large(cut.slices, trained)) {
    cut.slices = 1;
    if (cut.rows < cut.all()) cut.ranks = 1, cut.rank = 0;
  }
  if (cut.all() <= 1) {  // with the masks that it would have in slices
    std::optional<DropoutKeys> keys;
    if (model->is_training()) {
      keys.emplace(static_cast<std::uint64_t>(next_dropout_key()), SliceOfBatch{});
    }
    return model->forward(input, pooling, trace);
  }
  const auto batch = c10::make_intrusive<SlicedBatch>(model, input, pooling, trace, cut);
  const auto outputs = trained.empty() ? joined(batch->forward(/*with_gradients=*/false), cut)
                                       : SlicedForward::apply(batch, at::TensorList(trained));
  return unflat(model, outputs, batch->states, trace);
}

}  // namespace reaugkd::models
