#include "models/thread_parallel.h"

#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>
#include <ATen/autocast_mode.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "models/batch_slices.h"
#include "models/dropout.h"
#include "tensor/device.h"

namespace reaugkd::models {
namespace {

using torch::autograd::variable_list;

/// Each thread keeps a gradient of every parameter until they are added up. Where they would take
/// more than this all together, the batch stays whole.
constexpr std::int64_t kMostGradientBytes = std::int64_t{4} << 30;

using Plan = std::vector<std::vector<BatchSlice>>;  // by thread

/// How the batch is cut; empty: not at all. What a trace notes has the batch's width, so that its
/// slices keep it.
Plan plan_of(const EncoderInput& input, bool traced) {
  if (!input.input_ids.device().is_cpu() || at::in_parallel_region()) return {};
  const auto threads = static_cast<std::int64_t>(at::get_num_threads());
  const auto rows = input.input_ids.size(0);
  const auto columns = input.input_ids.size(1);
  if (rows < threads) return {};  // whole: all threads on each product
  if (traced) return equal_slices(rows, columns, threads);
  const auto tokens = input.attention_mask.sum(1).contiguous();
  const auto* lengths = tokens.data_ptr<std::int64_t>();
  return slices_by_length({lengths, lengths + rows}, columns, threads);
}

bool whole(const Plan& plan, const EncoderInput& input) {
  return plan.empty() || (plan.size() == 1 && plan.front().size() == 1 &&
                          plan.front().front().tokens == input.input_ids.size(1));
}

bool too_large(std::size_t threads, const variable_list& trained) {
  std::size_t gradient_bytes = 0;
  for (const auto& parameter : trained) gradient_bytes += parameter.nbytes();
  return static_cast<std::int64_t>(threads * gradient_bytes) > kMostGradientBytes;
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

/// work(share) by a thread for each thread's share of the slices, each with the caller's state of
/// LibTorch and alone in every product.
template <typename Work>
void for_shares(std::size_t threads, bool with_gradients, const Work& work) {
  const at::ThreadLocalState state;
  const tensor::SingleThreadedProductsGuard products;
  at::parallel_for(0, static_cast<std::int64_t>(threads), 1,
                   [&](std::int64_t begin, std::int64_t end) {
                     const at::ThreadLocalStateGuard as_caller(state);
                     const at::AutoGradMode gradients(with_gradients);
                     const NoAutocastCache no_cache;
                     for (std::int64_t share = begin; share < end; ++share) {
                       work(static_cast<std::size_t>(share));
                     }
                   });
}

/// A batch on its way through the model.
struct SlicedBatch : torch::CustomClassHolder {
  SlicedBatch(Classifier& of, const EncoderInput& batch, Pooling kind, const EncoderTrace* trace,
              const Plan& plan)
      : model(of), input(batch), pooling(kind) {
    if (trace != nullptr) attention_from = trace->attention_from;
    if (model->is_training()) dropout_seed = static_cast<std::uint64_t>(next_dropout_key());
    for (const auto& share : plan) {
      slices.insert(slices.end(), share.begin(), share.end());
      share_ends.push_back(slices.size());
    }
  }

  std::size_t share_begin(std::size_t share) const {
    return share == 0 ? 0 : share_ends[share - 1];
  }

  torch::Tensor rows_of(const torch::Tensor& of_batch, std::size_t slice) const {
    return of_batch.slice(0, slices[slice].begin, slices[slice].end);
  }

  /// Its rows and columns, as a batch of its own.
  torch::Tensor part(const torch::Tensor& of_batch, std::size_t slice) const {
    return rows_of(of_batch, slice).slice(1, 0, slices[slice].tokens);
  }

  /// Every slice's outputs, with their graphs where gradients are wanted.
  std::vector<variable_list> forward(bool with_gradients) {
    std::vector<variable_list> of_slices(slices.size());
    for_shares(share_ends.size(), with_gradients, [&](std::size_t share) {
      for (std::size_t slice = share_begin(share); slice < share_ends[share]; ++slice) {
        DropoutKeys keys(dropout_seed, slice);
        EncoderTrace trace{attention_from.value_or(EncoderTrace::kNoLayer)};
        const auto output =
            model->forward({part(input.input_ids, slice), part(input.token_type_ids, slice),
                            part(input.attention_mask, slice)},
                           pooling, attention_from ? &trace : nullptr);
        if (slice == 0) states = static_cast<std::ptrdiff_t>(trace.hidden_states.size());
        of_slices[slice] = flat(model, output, trace);
      }
    });
    return of_slices;
  }

  Classifier model;
  EncoderInput input;
  Pooling pooling;
  std::vector<BatchSlice> slices;
  std::vector<std::size_t> share_ends;         // of each thread, in slices
  std::optional<std::int64_t> attention_from;  // where a trace is asked for
  std::ptrdiff_t states = 0;                   // hidden states that a forward noted
  std::uint64_t dropout_seed = 0;
  std::vector<variable_list> outputs;  // until the way back
};

/// sum += more, where both may be empty.
void add_gradients(variable_list& sum, const variable_list& more) {
  for (std::size_t i = 0; i < sum.size(); ++i) {
    if (!more[i].defined()) continue;
    if (sum[i].defined()) {
      sum[i].add_(more[i]);
    } else {
      sum[i] = more[i];
    }
  }
}

variable_list joined(const std::vector<variable_list>& outputs) {
  const torch::NoGradGuard no_grad;
  variable_list all;
  for (std::size_t i = 0; i < outputs.front().size(); ++i) {
    variable_list parts;
    for (const auto& slice : outputs) parts.push_back(slice[i]);
    all.push_back(torch::cat(parts));
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
    context->save_for_backward(parameters.vec());
    batch->outputs = batch->forward(/*with_gradients=*/true);
    return joined(batch->outputs);
  }

  static variable_list backward(torch::autograd::AutogradContext* context,
                                const variable_list& gradients) {
    const auto capsule = context->saved_data["batch"].toCapsule();
    auto& batch = static_cast<SlicedBatch&>(*capsule);
    TORCH_CHECK(!batch.outputs.empty(), "a batch in slices has one way back");
    const auto parameters = context->get_saved_variables();
    std::vector<variable_list> slopes(batch.share_ends.size(), variable_list(parameters.size()));
    for_shares(batch.share_ends.size(), true, [&](std::size_t share) {
      for (std::size_t slice = batch.share_begin(share); slice < batch.share_ends[share]; ++slice) {
        variable_list outputs, output_gradients;
        for (std::size_t i = 0; i < gradients.size(); ++i) {
          auto& output = batch.outputs[slice][i];
          if (!gradients[i].defined() || !output.requires_grad()) continue;
          outputs.push_back(std::move(output));
          output_gradients.push_back(batch.rows_of(gradients[i], slice));
        }
        if (outputs.empty()) continue;
        add_gradients(slopes[share],
                      torch::autograd::grad(outputs, parameters, output_gradients,
                                            /*retain_graph=*/false, /*create_graph=*/false,
                                            /*allow_unused=*/true));
      }
    });
    batch.outputs.clear();
    for (std::size_t share = 1; share < slopes.size(); ++share) {
      add_gradients(slopes[0], slopes[share]);
    }
    variable_list sums = {torch::Tensor()};  // of the batch, which has no gradient
    sums.insert(sums.end(), slopes[0].begin(), slopes[0].end());
    return sums;
  }
};

}  // namespace

ClassifierOutput forward_on_threads(Classifier& model, const EncoderInput& input, Pooling pooling,
                                    EncoderTrace* trace) {
  const Plan plan = plan_of(input, trace != nullptr);
  if (whole(plan, input)) return model->forward(input, pooling, trace);
  const auto trained = trained_parameters(model);
  if (too_large(plan.size(), trained)) return model->forward(input, pooling, trace);
  const auto batch = c10::make_intrusive<SlicedBatch>(model, input, pooling, trace, plan);
  const auto outputs = trained.empty() ? joined(batch->forward(/*with_gradients=*/false))
                                       : SlicedForward::apply(batch, at::TensorList(trained));
  return unflat(model, outputs, batch->states, trace);
}

}  // namespace reaugkd::models
