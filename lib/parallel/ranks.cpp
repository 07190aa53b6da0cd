#include "parallel/ranks.h"

#include <algorithm>
#include <cstring>

#include "base/interrupt.h"
#include "parallel/group.h"

namespace reaugkd::parallel {

#ifdef REAUGKD_RANKS
namespace {

constexpr std::size_t kBucketBytes = 25 << 20;  // of gradients in one call

/// `tensor` where the ranks' calls take it from: on a GPU where NCCL is there, else on the CPU.
torch::Tensor where_it_travels(const torch::Tensor& tensor) {
#ifdef REAUGKD_NCCL
  if (tensor.is_cuda()) return tensor.detach().contiguous();
#endif
  return tensor.detach().cpu().contiguous();
}

/// Same memory as bytes, so that no call need know the dtype.
torch::Tensor bytes_of(const torch::Tensor& contiguous) {
  return contiguous.view({-1}).view(torch::kUInt8);
}

/// `own` (n, ...) of every rank, where rank i has rows[i] of them.
std::vector<torch::Tensor> gather(const torch::Tensor& own, const std::vector<std::int64_t>& rows) {
  const auto most = *std::max_element(rows.begin(), rows.end());
  auto shape = own.sizes().vec();
  shape[0] = most;
  auto padded = torch::zeros(shape, own.options());
  padded.slice(0, 0, own.size(0)).copy_(own);
  std::vector<torch::Tensor> all;
  for (std::size_t i = 0; i < rows.size(); ++i) all.push_back(torch::empty(shape, own.options()));
  if (padded.nbytes() > 0) {
    std::vector<std::vector<torch::Tensor>> outputs(1);
    for (const auto& part : all) outputs[0].push_back(bytes_of(part));
    std::vector<torch::Tensor> inputs = {bytes_of(padded)};
    talk(padded, [&](auto& ranks) { ranks.allgather(outputs, inputs)->wait(); });
  }
  for (std::size_t i = 0; i < rows.size(); ++i) all[i] = all[i].slice(0, 0, rows[i]);
  return all;
}

void sum_dense(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> bucket;
  std::size_t bytes = 0;
  const auto send = [&] {
    if (bucket.empty()) return;
    std::vector<torch::Tensor> parts;
    for (const auto& tensor : bucket) parts.push_back(where_it_travels(tensor).flatten());
    std::vector<torch::Tensor> flat = {torch::cat(parts)};
    talk(flat[0], [&](auto& ranks) { ranks.allreduce(flat)->wait(); });
    std::int64_t begin = 0;
    for (auto& tensor : bucket) {
      tensor.copy_(flat[0].slice(0, begin, begin + tensor.numel()).view_as(tensor));
      begin += tensor.numel();
    }
    bucket.clear();
    bytes = 0;
  };
  for (const auto& tensor : tensors) {
    bucket.push_back(tensor);
    bytes += tensor.nbytes();
    if (bytes >= kBucketBytes) send();
  }
  send();
}

/// As one process adds its slices.
torch::Tensor sum_sparse(const torch::Tensor& own) {
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

bool available() {
  return true;
}

int rank() {
  return group().connected() ? group().place.rank : 0;
}

int size() {
  return group().connected() ? group().place.size : 1;
}

int local_rank() {
  return group().place.local;
}

AloneGuard::AloneGuard() : before_(group().alone) {
  group().alone = true;
}

AloneGuard::~AloneGuard() {
  group().alone = before_;
}

void sum(std::vector<torch::Tensor>& tensors) {
  if (size() == 1) return;
  std::vector<torch::Tensor> dense;
  for (auto& tensor : tensors) {
    if (!tensor.defined()) continue;
    if (tensor.is_sparse()) {
      tensor = sum_sparse(tensor);
    } else {
      dense.push_back(tensor);
    }
  }
  sum_dense(dense);
}

torch::Tensor join_rows(const torch::Tensor& own, const std::vector<std::int64_t>& rows) {
  if (size() == 1) return own;
  const auto all = gather(where_it_travels(own), rows);
  return torch::cat(all).to(own.device());
}

void copy_of_owners(std::vector<torch::Tensor>& tensors, const std::vector<int>& owners) {
  if (size() == 1) return;
  std::vector<torch::Tensor> here;
  std::vector<std::vector<torch::Tensor>> bytes;
  for (const auto& tensor : tensors) {
    here.push_back(where_it_travels(tensor));
    bytes.push_back({bytes_of(here.back())});
  }
  if (tensors.empty()) return;
  talk(here[0], [&](auto& ranks) {
    std::vector<decltype(ranks.broadcast(bytes[0]))> under_way;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (tensors[i].numel() == 0) continue;
      c10d::BroadcastOptions options;
      options.rootRank = owners[i];
      under_way.push_back(ranks.broadcast(bytes[i], options));
    }
    for (const auto& work : under_way) work->wait();
  });
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (owners[i] != rank()) tensors[i].copy_(here[i]);
  }
}

void copy_of_first(torch::Tensor& tensor) {
  std::vector<torch::Tensor> one = {tensor};
  copy_of_owners(one, {0});
}

std::string text_of_first(const std::string& text) {
  if (size() == 1) return text;
  auto length = torch::tensor({static_cast<std::int64_t>(text.size())}, torch::kInt64);
  copy_of_first(length);
  auto bytes = torch::empty({length.item<std::int64_t>()}, torch::kUInt8);
  if (rank() == 0) std::memcpy(bytes.data_ptr(), text.data(), text.size());
  copy_of_first(bytes);
  return {static_cast<const char*>(bytes.data_ptr()), static_cast<std::size_t>(bytes.numel())};
}

std::int64_t largest(std::int64_t value) {
  if (size() == 1) return value;
  std::vector<torch::Tensor> values = {torch::tensor({value}, torch::kInt64)};
  c10d::AllreduceOptions options;
  options.reduceOp = c10d::ReduceOp::MAX;
  talk(values[0], [&](auto& ranks) { ranks.allreduce(values, options)->wait(); });
  return values[0].item<std::int64_t>();
}

#else  // without Gloo's headers

bool available() {
  return false;
}

void join(const Place& place, std::chrono::seconds, const base::Json&) {
  if (place.size == 1) return;
  throw base::ConfigError(
      "this program was built without Gloo and cannot connect {} ranks; install libgloo-dev and "
      "build again",
      place.size);
}

int rank() {
  return 0;
}

int size() {
  return 1;
}

int local_rank() {
  return 0;
}

AloneGuard::AloneGuard() : before_(true) {}
AloneGuard::~AloneGuard() = default;
void sum(std::vector<torch::Tensor>&) {}

torch::Tensor join_rows(const torch::Tensor& own, const std::vector<std::int64_t>&) {
  return own;
}

void copy_of_owners(std::vector<torch::Tensor>&, const std::vector<int>&) {}
void copy_of_first(torch::Tensor&) {}

std::string text_of_first(const std::string& text) {
  return text;
}

std::int64_t largest(std::int64_t value) {
  return value;
}

void leave() noexcept {}
void leave_with(const std::string&) noexcept {}
#endif

void stop_if_any_interrupted() {
  const auto signal = largest(base::interrupt_signal());
  if (signal != 0) base::note_interrupt(static_cast<int>(signal));
  base::stop_if_interrupted();
}

}  // namespace reaugkd::parallel
