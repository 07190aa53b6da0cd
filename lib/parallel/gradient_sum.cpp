#include "parallel/gradient_sum.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <utility>

#include "parallel/group.h"
#include "parallel/ranks.h"

namespace reaugkd::parallel {
namespace {

torch::ScalarType sent_as = torch::kFloat32;

}  // namespace

SendGradientsAs::SendGradientsAs(torch::ScalarType type) : before_(std::exchange(sent_as, type)) {}

SendGradientsAs::~SendGradientsAs() {
  sent_as = before_;
}

#ifdef REAUGKD_RANKS
/// One tensor (n), fp32, becomes its sum over the ranks. The three parts are called in this order.
class SumUnderWay {
 public:
  virtual ~SumUnderWay() = default;
  /// What has to be sent after the first part has arrived. The constructor sends the first one.
  virtual void go_on() = 0;
  virtual void wait() = 0;
};

namespace {

constexpr std::size_t kLargestBucket = 25 << 20;  // bytes
constexpr std::size_t kBuckets = 8;               // at least, so that the first one leaves early

using Wait = std::function<void()>;

/// Starts `call` between ranks on tensors that lie as `where` does; the result waits for its end.
template <typename Call>
Wait start(const torch::Tensor& where, const Call& call) {
  Wait wait;
  talk(where, [&](auto& ranks) {
    const auto work = call(ranks);
    wait = [work, where] { talk(where, [&](auto&) { work->wait(); }); };
  });
  return wait;
}

class SumInFp32 : public SumUnderWay {
 public:
  explicit SumInFp32(const torch::Tensor& values) : values_{values} {
    wait_ = start(values, [&](auto& ranks) { return ranks.allreduce(values_); });
  }
  void go_on() override {}
  void wait() override { wait_(); }

 private:
  std::vector<torch::Tensor> values_;
  Wait wait_;
};

/// Each rank adds up a share of the values, which it gets from the others, and gives them the sums.
class SumInBf16 : public SumUnderWay {
 public:
  explicit SumInBf16(const torch::Tensor& values) : values_(values) {
    const std::int64_t ranks = size();
    const std::int64_t share = (values.numel() + ranks - 1) / ranks;
    sent_ = torch::zeros({ranks, share}, values.options().dtype(torch::kBFloat16));
    sent_.view({-1}).slice(0, 0, values.numel()).copy_(values);
    received_ = torch::empty_like(sent_);
    auto to = bytes_of(received_);
    auto from = bytes_of(sent_);
    std::vector<std::int64_t> equal_parts;
    wait_ = start(sent_, [&](auto& others) {
      return others.alltoall_base(to, from, equal_parts, equal_parts);
    });
  }

  void go_on() override {
    wait_();
    auto sum = received_[0].to(torch::kFloat32);
    for (std::int64_t rank = 1; rank < received_.size(0); ++rank) sum.add_(received_[rank]);
    std::vector<torch::Tensor> own = {bytes_of(sum.to(torch::kBFloat16))};
    std::vector<std::vector<torch::Tensor>> all(1);
    for (const auto& row : sent_.unbind()) all[0].push_back(bytes_of(row));
    wait_ = start(sent_, [&](auto& others) { return others.allgather(all, own); });
  }

  void wait() override {
    wait_();
    values_.copy_(sent_.view({-1}).slice(0, 0, values_.numel()));
  }

 private:
  torch::Tensor values_;
  torch::Tensor sent_, received_;  // (ranks, share); then sent_ is all ranks' sums
  Wait wait_;
};

/// The sum over the ranks, whose indices differ, added up as one process adds its slices.
torch::Tensor sum_of_sparse(const torch::Tensor& own) {
  const auto indices = own._indices().t().contiguous().cpu();  // (entries, dims)
  const auto values = own._values().contiguous().cpu();
  const std::vector<std::int64_t> one_each(static_cast<std::size_t>(size()), 1);
  const auto counts = torch::cat(gather(torch::tensor({indices.size(0)}, torch::kInt64), one_each));
  const std::vector<std::int64_t> rows(counts.data_ptr<std::int64_t>(),
                                       counts.data_ptr<std::int64_t>() + counts.numel());
  const auto all_indices = gather(indices, rows);
  const auto all_values = gather(values, rows);
  torch::Tensor sum;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto part = torch::sparse_coo_tensor(all_indices[i].t().contiguous().to(own.device()),
                                               all_values[i].clone().to(own.device()), own.sizes());
    sum = sum.defined() ? sum.add_(part) : part;
  }
  return sum;
}

}  // namespace

struct GradientSum::State {
  struct Bucket {
    std::vector<std::size_t> members = {};  // positions of parameters
    std::size_t bytes = 0;
    std::size_t missing = 0;             // members that have not come
    std::unique_ptr<SumUnderWay> sum{};  // from when it was sent on; none where no member came
  };

  explicit State(std::size_t count) : gradients(count), bucket_of(count) {}

  /// The next one in the order that all ranks keep. Its gradients then lie in its own memory.
  void send_next() {
    Bucket& bucket = buckets[sent];
    std::vector<torch::Tensor*> dense;
    std::vector<torch::Tensor> parts;
    for (const auto i : bucket.members) {
      if (!gradients[i].defined() || gradients[i].is_sparse()) continue;
      dense.push_back(&gradients[i]);
      parts.push_back(where_it_travels(gradients[i]).flatten());
    }
    if (sent > 0 && buckets[sent - 1].sum) buckets[sent - 1].sum->go_on();
    ++sent;
    if (parts.empty()) return;
    const auto values = torch::cat(parts);
    std::int64_t begin = 0;
    for (auto* gradient : dense) {
      const std::int64_t end = begin + gradient->numel();
      *gradient = values.slice(0, begin, end).view_as(*gradient);
      begin = end;
    }
    if (sent_as == torch::kBFloat16) {
      bucket.sum = std::make_unique<SumInBf16>(values);
    } else {
      bucket.sum = std::make_unique<SumInFp32>(values);
    }
  }

  std::mutex mutex;
  std::vector<torch::Tensor> gradients;  // of this rank, then of all
  std::vector<torch::Device> devices;    // as gradients
  std::vector<std::size_t> bucket_of;
  std::vector<Bucket> buckets;
  std::size_t sent = 0;  // buckets
  bool failed = false;   // there is no connection left
};

GradientSum::GradientSum(const std::vector<torch::Tensor>& parameters,
                         const std::vector<std::size_t>& coming)
    : state_(std::make_unique<State>(parameters.size())) {
  for (const auto& parameter : parameters) state_->devices.push_back(parameter.device());
  std::size_t all_bytes = 0;
  for (const auto i : coming) all_bytes += parameters[i].nbytes();
  const std::size_t full = std::min(kLargestBucket, all_bytes / kBuckets);
  auto& buckets = state_->buckets;
  std::vector<bool> placed(parameters.size());
  const auto place = [&](std::size_t i) {
    buckets.back().members.push_back(i);
    buckets.back().bytes += parameters[i].nbytes();
    ++buckets.back().missing;
    state_->bucket_of[i] = buckets.size() - 1;
    placed[i] = true;
  };
  for (const auto i : coming) {
    if (buckets.empty() || buckets.back().bytes >= full) buckets.emplace_back();
    place(i);
  }
  buckets.emplace_back();  // whatever comes unexpectedly: sent last
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!placed[i]) place(i);
  }
}

GradientSum::~GradientSum() = default;

void GradientSum::ready(std::size_t i, const torch::Tensor& gradient) {
  const torch::NoGradGuard no_grad;
  auto& state = *state_;
  const std::lock_guard lock(state.mutex);
  state.gradients[i] = gradient;
  --state.buckets[state.bucket_of[i]].missing;
  if (state.failed) return;
  try {
    while (state.sent + 1 < state.buckets.size() && state.buckets[state.sent].missing == 0) {
      state.send_next();
    }
  } catch (...) {
    state.failed = true;
    throw;
  }
}

std::vector<torch::Tensor> GradientSum::finish() {
  const torch::NoGradGuard no_grad;
  auto& state = *state_;
  while (state.sent < state.buckets.size()) state.send_next();
  if (auto& last = state.buckets.back().sum) last->go_on();
  for (auto& gradient : state.gradients) {
    if (gradient.defined() && gradient.is_sparse()) gradient = sum_of_sparse(gradient);
  }
  for (auto& bucket : state.buckets) {
    if (bucket.sum) bucket.sum->wait();
    bucket.sum.reset();
  }
  for (std::size_t i = 0; i < state.gradients.size(); ++i) {
    auto& gradient = state.gradients[i];
    if (gradient.defined()) gradient = gradient.to(state.devices[i]);
  }
  return std::move(state.gradients);
}

#else  // without Gloo's headers: always one rank

struct GradientSum::State {
  std::vector<torch::Tensor> gradients;
};

GradientSum::GradientSum(const std::vector<torch::Tensor>& parameters,
                         const std::vector<std::size_t>&)
    : state_(std::make_unique<State>()) {
  state_->gradients.resize(parameters.size());
}

GradientSum::~GradientSum() = default;

void GradientSum::ready(std::size_t i, const torch::Tensor& gradient) {
  state_->gradients[i] = gradient;
}

std::vector<torch::Tensor> GradientSum::finish() {
  return std::move(state_->gradients);
}
#endif

}  // namespace reaugkd::parallel
