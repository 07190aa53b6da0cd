#include "parallel/ranks.h"

#include <algorithm>
#include <cstring>

#include "base/interrupt.h"
#include "parallel/group.h"
#include "parallel/warnings.h"

namespace reaugkd::parallel {

#ifdef REAUGKD_RANKS

torch::Tensor where_it_travels(const torch::Tensor& tensor) {
#ifdef REAUGKD_NCCL
  if (tensor.is_cuda()) return tensor.detach().contiguous();
#endif
  return tensor.detach().cpu().contiguous();
}

torch::Tensor bytes_of(const torch::Tensor& contiguous) {
  return contiguous.view({-1}).view(torch::kUInt8);
}

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

namespace {

/// Each rank's text, on every rank.
std::vector<std::string> texts_of_all(const std::string& own) {
  const std::vector<std::int64_t> one_each(static_cast<std::size_t>(size()), 1);
  const auto length = torch::tensor({static_cast<std::int64_t>(own.size())}, torch::kInt64);
  const auto lengths = join_rows(length, one_each);
  const std::vector<std::int64_t> bytes(lengths.data_ptr<std::int64_t>(),
                                        lengths.data_ptr<std::int64_t>() + lengths.numel());
  auto text = torch::empty({length.item<std::int64_t>()}, torch::kUInt8);
  if (!own.empty()) std::memcpy(text.data_ptr(), own.data(), own.size());
  const auto all = join_rows(text, bytes);
  const auto* next = static_cast<const char*>(all.data_ptr());
  std::vector<std::string> texts;
  for (const auto count : bytes) {
    texts.emplace_back(next, static_cast<std::size_t>(count));
    next += count;
  }
  return texts;
}

}  // namespace

#else  // without Gloo's headers

namespace {

std::vector<std::string> texts_of_all(const std::string& own) {
  return {own};
}

}  // namespace

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
  constexpr std::int64_t kWarned = 1 << 16;  // beside the number of a signal
  const bool untold = rank() > 0 && has_warnings();
  auto signal = largest(base::interrupt_signal() + (untold ? kWarned : 0));
  if (signal >= kWarned) {
    const auto texts = texts_of_all(rank() > 0 ? take_warnings() : "");
    for (int other = 1; other < size() && rank() == 0; ++other) {
      repeat_warnings(other, texts[static_cast<std::size_t>(other)]);
    }
    signal = largest(base::interrupt_signal());
  }
  if (signal == 0) return;  // a signal that came since then is for the next call, on all ranks
  base::note_interrupt(static_cast<int>(signal));
  base::stop_if_interrupted();
}

}  // namespace reaugkd::parallel
