#include "train/optimizer.h"

#include <ATen/Parallel.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>

#include "kernels/adamw.h"
#include "parallel/ranks.h"
#include "tensor/device.h"

namespace reaugkd::train {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;
constexpr std::int64_t kChunk = 1 << 15;  // values of one task: fixed, so that sums are too

bool is_plain_fp32(const torch::Tensor& tensor) {
  return tensor.device().is_cpu() && tensor.scalar_type() == torch::kFloat32 &&
         tensor.is_contiguous();
}

/// Runs work(begin, end) over chunks of [0, n) by LibTorch's threads.
template <typename Work>
void for_chunks(std::int64_t n, const Work& work) {
  at::parallel_for(0, (n + kChunk - 1) / kChunk, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t chunk = first; chunk < last; ++chunk) {
      work(chunk * kChunk, std::min(n, (chunk + 1) * kChunk));
    }
  });
}

double sum_of_squares_in_chunks(const torch::Tensor& values) {
  const auto* data = values.data_ptr<float>();
  std::vector<double> sums(static_cast<std::size_t>((values.numel() + kChunk - 1) / kChunk));
  for_chunks(values.numel(), [&](std::int64_t begin, std::int64_t end) {
    sums[static_cast<std::size_t>(begin / kChunk)] =
        kernels::sum_of_squares(end - begin, data + begin);
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// Whether each row of a table's averages, (V, H) both, is not 0. Either may have become 0 before
/// the other.
std::vector<char> rows_that_moved(const torch::Tensor& exp_avg, const torch::Tensor& exp_avg_sq) {
  const auto not_zero = exp_avg.ne(0).logical_or(exp_avg_sq.ne(0));
  const auto moved = not_zero.any(1).to(torch::kInt8).contiguous();
  const auto* begin = moved.data_ptr<std::int8_t>();
  return {begin, begin + moved.numel()};
}

/// Parameters that LibTorch's calls update together.
struct Batch {
  std::vector<torch::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs;
};

/// What update number t multiplies by, beside the rate: 1 / (1 - beta1^t) and 1 / sqrt(1 -
/// beta2^t).
struct Corrections {
  explicit Corrections(std::int64_t t)
      : first(1 / (1 - std::pow(kBeta1, static_cast<double>(t)))),
        second(1 / std::sqrt(1 - std::pow(kBeta2, static_cast<double>(t)))) {}
  double first, second;
};

/// The rank that updates each parameter: always the one with the fewest values so far.
std::vector<int> owners_of(const std::vector<torch::Tensor>& parameters, int ranks) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(ranks));
  std::vector<int> owners;
  for (const auto& parameter : parameters) {
    const auto least = std::ranges::min_element(values);
    *least += parameter.numel();
    owners.push_back(static_cast<int>(least - values.begin()));
  }
  return owners;
}

std::string moment_name(const char* moment, std::int64_t i) {
  return fmt::format("{}.{}", moment, i);
}

}  // namespace

std::vector<ParameterGroup> decay_groups(const torch::nn::Module& module, double learning_rate,
                                         double weight_decay) {
  ParameterGroup decayed{{}, learning_rate, weight_decay};
  ParameterGroup plain{{}, learning_rate, 0};
  for (const auto& item : module.named_parameters()) {
    if (!item.value().requires_grad()) continue;
    (item.value().dim() < 2 ? plain : decayed).parameters.push_back(item.value());
  }
  return {decayed, plain};
}

double linear_schedule(std::int64_t step, std::int64_t total, double warmup_ratio) {
  const double warmup = warmup_ratio * static_cast<double>(total);
  const auto now = static_cast<double>(step);
  if (now < warmup) return now / std::max(1.0, warmup);
  return std::max(
      0.0, (static_cast<double>(total) - now) / std::max(1.0, static_cast<double>(total) - warmup));
}

torch::Tensor clip_factor(const torch::Tensor& norm, double max_norm) {
  if (max_norm <= 0) return torch::ones_like(norm);
  return (max_norm / (norm + 1e-6)).clamp_max(1.0);
}

AdamW::AdamW(std::vector<ParameterGroup> groups, bool sharded) : groups_(std::move(groups)) {
  if (sharded && parallel::size() > 1) owners_ = owners_of(parameters(), parallel::size());
  std::size_t i = 0;
  for (const auto& group : groups_) {
    Slots slots;
    for (const auto& parameter : group.parameters) {
      slots.push_back({parameter, {}, {}});
      if (owners_.empty() || owners_[i] == parallel::rank()) {
        slots.back().exp_avg = torch::zeros_like(parameter.detach());
        slots.back().exp_avg_sq = torch::zeros_like(parameter.detach());
      }
      ++i;
    }
    slots_.push_back(std::move(slots));
  }
}

torch::Tensor AdamW::gradient_norm() const {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> others;
  double squares = 0;
  for (const auto& parameter : parameters()) {
    auto gradient = parameter.grad();
    if (!gradient.defined()) continue;
    if (gradient.is_sparse()) {
      gradient = gradient.coalesce();  // each row once
      parameter.mutable_grad() = gradient;
      gradient = gradient.values();
    }
    if (is_plain_fp32(gradient)) {
      squares += sum_of_squares_in_chunks(gradient);
    } else {
      others.push_back(gradient);
    }
  }
  if (others.empty()) return torch::tensor(std::sqrt(squares), torch::kFloat32);
  const auto rest = torch::stack(at::_foreach_norm(others)).norm();
  return squares != 0 ? (rest.square() + squares).sqrt() : rest;
}

void AdamW::step(double factor, const torch::Tensor& gradient_scale) {
  const torch::NoGradGuard no_grad;
  std::vector<bool> updated;
  for (const auto& parameter : parameters()) updated.push_back(parameter.grad().defined());
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    update(slots_[i], groups_[i], factor, gradient_scale);
  }
  if (sharded()) give_to_others(updated);
}

void AdamW::give_to_others(const std::vector<bool>& updated) const {
  std::vector<torch::Tensor> given;
  std::vector<int> owners;
  const auto all = parameters();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!updated[i]) continue;
    given.push_back(all[i]);
    owners.push_back(owners_[i]);
  }
  parallel::copy_of_owners(given, owners);
}

void AdamW::update_all(Slot& slot, const kernels::AdamWUpdate& constants) {
  auto* value = slot.parameter.data_ptr<float>();
  const auto* slope = slot.parameter.grad().data_ptr<float>();
  auto* m = slot.exp_avg.data_ptr<float>();
  auto* v = slot.exp_avg_sq.data_ptr<float>();
  for_chunks(slot.parameter.numel(), [&](std::int64_t begin, std::int64_t end) {
    kernels::adamw_update(constants, end - begin, value + begin, slope + begin, m + begin,
                          v + begin);
  });
}

void AdamW::update_rows(Slot& slot, const kernels::AdamWUpdate& constants) {
  const auto gradient = slot.parameter.grad().coalesce();
  const auto ids = gradient.indices()[0].contiguous();  // (K), rising
  const auto slopes = gradient.values().contiguous();   // (K, H)
  const std::int64_t rows = slot.parameter.size(0);
  const std::int64_t width = slot.parameter.size(1);
  const auto* id = ids.data_ptr<std::int64_t>();
  const auto* id_end = id + ids.numel();
  const std::vector<float> none(static_cast<std::size_t>(width));
  auto* value = slot.parameter.data_ptr<float>();
  const auto* slope = slopes.data_ptr<float>();
  auto* m = slot.exp_avg.data_ptr<float>();
  auto* v = slot.exp_avg_sq.data_ptr<float>();
  if (slot.moved.empty()) slot.moved = rows_that_moved(slot.exp_avg, slot.exp_avg_sq);
  at::parallel_for(0, rows, std::max<std::int64_t>(1, kChunk / width),
                   [&](std::int64_t begin, std::int64_t end) {
                     const auto* next = std::lower_bound(id, id_end, begin);
                     for (std::int64_t row = begin; row < end; ++row) {
                       const bool now = next != id_end && *next == row;
                       const auto* by = now ? slope + (next++ - id) * width : none.data();
                       auto& moved = slot.moved[static_cast<std::size_t>(row)];
                       if (now) moved = 1;
                       const std::int64_t at = row * width;
                       if (moved != 0) {
                         kernels::adamw_update(constants, width, value + at, by, m + at, v + at);
                       } else if (constants.decay != 1) {
                         kernels::adamw_decay(constants, width, value + at);
                       }
                     }
                   });
}

void AdamW::update(Slots& slots, const ParameterGroup& group, double factor,
                   const torch::Tensor& gradient_scale) const {
  const double rate = group.learning_rate * factor;
  const double decay = 1 - rate * group.weight_decay;
  std::map<std::int64_t, Batch> others;  // not in the one pass; by the number of their update
  for (auto& slot : slots) {
    auto& gradient = slot.parameter.mutable_grad();
    if (!gradient.defined()) continue;
    ++slot.updates;
    if (!is_own(slot)) {
      gradient = torch::Tensor();
      continue;
    }
    const bool by_rows = gradient.is_sparse();
    if (is_plain_fp32(slot.parameter) && (by_rows || is_plain_fp32(gradient))) {
      const Corrections corrections(slot.updates);
      const kernels::AdamWUpdate constants{gradient_scale.item<float>(),
                                           static_cast<float>(decay),
                                           static_cast<float>(rate * corrections.first),
                                           static_cast<float>(corrections.second),
                                           kBeta1,
                                           static_cast<float>(1 - kBeta1),
                                           kBeta2,
                                           static_cast<float>(1 - kBeta2),
                                           kEpsilon};
      (by_rows ? update_rows : update_all)(slot, constants);
    } else {
      auto& batch = others[slot.updates];
      batch.parameters.push_back(slot.parameter);
      batch.gradients.push_back(gradient);
      batch.exp_avgs.push_back(slot.exp_avg);
      batch.exp_avg_sqs.push_back(slot.exp_avg_sq);
    }
    gradient = torch::Tensor();
    // As any operator that writes would; LibTorch's own below did not before 2.1.
    slot.parameter.unsafeGetTensorImpl()->bump_version();
  }
  for (auto& [t, batch] : others) {
    auto& [parameters, gradients, exp_avgs, exp_avg_sqs] = batch;
#if REAUGKD_TORCH_AT_LEAST(2, 4)  // on CUDA one kernel for many parameters in place of ten
    const auto count = torch::full({}, t, parameters[0].options().dtype(torch::kFloat32));
    const std::vector<torch::Tensor> counts(parameters.size(), count);
    at::_fused_adamw_(parameters, gradients, exp_avgs, exp_avg_sqs, /*max_exp_avg_sqs=*/{}, counts,
                      rate, kBeta1, kBeta2, group.weight_decay, kEpsilon, /*amsgrad=*/false,
                      /*maximize=*/false, /*grad_scale=*/gradient_scale.reciprocal());
#else
    const Corrections corrections(t);
    for (auto& gradient : gradients) gradient.mul_(gradient_scale);
    at::_foreach_mul_(exp_avgs, kBeta1);
    at::_foreach_add_(exp_avgs, gradients, 1 - kBeta1);
    at::_foreach_mul_(exp_avg_sqs, kBeta2);
    at::_foreach_addcmul_(exp_avg_sqs, gradients, gradients, 1 - kBeta2);
    auto roots = at::_foreach_sqrt(exp_avg_sqs);
    at::_foreach_mul_(roots, corrections.second);
    at::_foreach_add_(roots, kEpsilon);
    at::_foreach_mul_(parameters, decay);
    at::_foreach_addcdiv_(parameters, exp_avgs, roots, -rate * corrections.first);
#endif
  }
}

std::vector<torch::Tensor> AdamW::parameters() const {
  std::vector<torch::Tensor> all;
  for (const auto& group : groups_) {
    all.insert(all.end(), group.parameters.begin(), group.parameters.end());
  }
  return all;
}

tensor::TensorMap AdamW::state() const {
  tensor::TensorMap state;
  std::vector<std::int64_t> updates;
  const auto note = [&](const char* name, const Slot& slot, const torch::Tensor& moment) {
    auto whole = moment;
    if (sharded()) {
      if (!is_own(slot)) whole = torch::empty_like(slot.parameter.detach());
      std::vector<torch::Tensor> one = {whole};
      parallel::copy_of_owners(one, {owners_[updates.size()]});
      if (parallel::rank() > 0) return;
      if (!is_own(slot)) whole = whole.cpu();
    }
    state[moment_name(name, std::ssize(updates))] = whole;
  };
  for (const auto& slots : slots_) {
    for (const auto& slot : slots) {
      note("exp_avg", slot, slot.exp_avg);
      note("exp_avg_sq", slot, slot.exp_avg_sq);
      updates.push_back(slot.updates);
    }
  }
  state["updates"] = torch::tensor(updates, torch::kInt64);
  return state;
}

void AdamW::load_state(const tensor::TensorMap& state, const std::string& where) {
  const auto count = static_cast<std::int64_t>(parameters().size());
  const auto updates = tensor::take(state, "updates", torch::kInt64, {count}, where);
  std::int64_t i = 0;
  for (auto& slots : slots_) {
    for (auto& slot : slots) {
      const auto load = [&](const char* name, torch::Tensor& moment) {
        moment.copy_(
            tensor::take(state, moment_name(name, i), moment.scalar_type(), moment.sizes(), where));
      };
      if (is_own(slot)) {
        load("exp_avg", slot.exp_avg);
        load("exp_avg_sq", slot.exp_avg_sq);
      }
      slot.moved.clear();
      slot.updates = updates[i].item<std::int64_t>();
      ++i;
    }
  }
}

}  // namespace reaugkd::train
