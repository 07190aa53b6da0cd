#include "parallel/ranks.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "base/interrupt.h"
#include "base/json.h"

#ifdef REAUGKD_RANKS
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif
#ifdef REAUGKD_NCCL
#include "parallel/nccl.h"
#endif

namespace reaugkd::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kGrace{15};             // for the others to read how it ended
constexpr milliseconds kSurvivors{3000};  // in which those who are left say so
constexpr milliseconds kPoll{20};

}  // namespace

#ifdef REAUGKD_RANKS
namespace {

constexpr std::size_t kBucketBytes = 25 << 20;  // of gradients in one call

/// One connection for each process, never destroyed: what is behind it has threads of its own.
struct Group {
  Place place;
  seconds timeout{};
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> processes;
#ifdef REAUGKD_NCCL
  c10::intrusive_ptr<c10d::Backend> gpus = {};  // from the first tensor on a GPU on
#endif
  bool alone = false;

  bool connected() const {
    return processes && !alone;
  }

  bool has(const std::string& key) const {
    return store->check({key});
  }
  std::string text(const std::string& key) const {
    const auto bytes = store->get(key);
    return {bytes.begin(), bytes.end()};
  }
  void set(const std::string& key, const std::string& value) const {
    store->set(key, std::vector<std::uint8_t>(value.begin(), value.end()));
  }
};

Group& group() {
  static Group* const the_one = new Group;
  return *the_one;
}

std::string key_of(const char* what, int rank) {
  return fmt::format("{}.{}", what, rank);
}

std::string ranks_text(const std::vector<int>& ranks) {
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

/// The ranks without this key.
std::vector<int> ranks_without(const char* what) {
  std::vector<int> missing;
  for (int rank = 0; rank < group().place.size; ++rank) {
    if (!group().has(key_of(what, rank))) missing.push_back(rank);
  }
  return missing;
}

/// Polls until `done` or `limit` is over; returns whether it was done.
template <typename Done>
bool wait_until(std::chrono::steady_clock::duration limit, const Done& done) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

/// Why a call between ranks failed: who has ended, and how.
[[noreturn]] void explain(const std::exception& failure) {
  if (base::interrupt_signal() != 0) base::stop_if_interrupted();
  Group& all = group();
  all.processes.reset();  // the others, too, must not wait for this one
#ifdef REAUGKD_NCCL
  all.gpus.reset();
#endif
  std::vector<int> silent;
  try {
    all.set(key_of("survivor", all.place.rank), "1");
    wait_until(kSurvivors, [&] {
      silent = ranks_without("survivor");
      return silent.empty() || all.has("done") || all.has("failed");
    });
    if (all.has("done")) throw FinishedElsewhere();
    if (all.has("failed")) {
      all.set(key_of("left", all.place.rank), "1");
      throw RankError(all.text("failed"));
    }
  } catch (const base::Error&) {
    throw;
  } catch (const std::exception&) {
    throw RankError(fmt::format(
        "rank 0 has ended without a word: it was killed, or its machine ({}) cannot be reached; "
        "the same command with `resume` goes on",
        all.place.address));
  }
  const std::string what = failure.what();
  throw RankError(
      silent.empty()
          ? fmt::format("the ranks lost their connection: {}", what.substr(0, what.find('\n')))
          : fmt::format("{} ended without a word, or did not answer for {} s (killed, out of "
                        "memory, hanging, or a machine that is gone); the same command with "
                        "`resume` goes on",
                        ranks_text(silent), all.timeout.count()));
}

/// `tensor` where the ranks' calls take it from: on a GPU where NCCL is there, else on the CPU.
torch::Tensor where_it_travels(const torch::Tensor& tensor) {
#ifdef REAUGKD_NCCL
  if (tensor.is_cuda()) return tensor.detach().contiguous();
#endif
  return tensor.detach().cpu().contiguous();
}

/// with_others(group) with the group for tensors that lie as `tensor` does.
template <typename Talk>
void talk(const torch::Tensor& tensor, const Talk& with_others) {
  Group& all = group();
  try {
#ifdef REAUGKD_NCCL
    if (tensor.is_cuda()) {
      if (!all.gpus) {
        all.gpus =
            connect_gpus(all.store, all.place.rank, all.place.size, milliseconds(all.timeout));
      }
      return with_others(*all.gpus);
    }
#endif
    (void)tensor;
    with_others(*all.processes);
  } catch (const base::Error&) {
    throw;
  } catch (const std::exception& failure) {
    explain(failure);
  }
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

c10::intrusive_ptr<c10d::Store> open_store(const Place& place, seconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(place.port);
  options.isServer = place.rank == 0;
  options.numWorkers = static_cast<std::size_t>(place.size);
  options.waitWorkers = false;
  options.timeout = timeout;
  try {
    return c10::make_intrusive<c10d::TCPStore>(place.address, options);
  } catch (const std::exception& error) {
    const std::string what = error.what();
    if (options.isServer) {
      throw base::IoError("rank 0 cannot listen on port {} of {} ({}); give another MASTER_PORT",
                          place.port, place.address, what.substr(0, what.find('\n')));
    }
    throw RankError(fmt::format(
        "rank {} has not found rank 0 at {} port {} within {} s: is it running, and are "
        "MASTER_ADDR and MASTER_PORT the same everywhere?",
        place.rank, place.address, place.port, timeout.count()));
  }
}

/// Compares with what rank 0 says; names the first difference.
void check_identity(int rank, const base::Json& first, const base::Json& other) {
  for (const auto& [name, value] : first.items()) {
    const auto found = other.value(name, base::Json());
    if (found == value) continue;
    throw base::ConfigError(
        "rank {} differs from rank 0 in {}: {} and {}; all ranks must be "
        "started with the same program and the same options",
        rank, name, found.dump(), value.dump());
  }
}

/// All ranks are there and are alike.
void meet(const base::Json& identity) {
  Group& all = group();
  const int rank = all.place.rank;
  if (all.store->add(key_of("taken", rank), 1) > 1) {
    throw base::ConfigError("two processes say that they are rank {}; each needs its own RANK",
                            rank);
  }
  all.set(key_of("identity", rank), identity.dump());
  std::vector<int> missing;
  bool failed = false;
  const bool complete = wait_until(all.timeout, [&] {
    base::stop_if_interrupted();
    failed = all.has("failed");
    if (failed) return true;
    missing = ranks_without("identity");
    if (!all.has(key_of("identity", 0))) return false;
    const auto first = base::Json::parse(all.text(key_of("identity", 0)));
    for (int other = 1; other < all.place.size; ++other) {
      if (std::ranges::find(missing, other) != missing.end()) continue;
      check_identity(other, first, base::Json::parse(all.text(key_of("identity", other))));
    }
    return missing.empty();
  });
  if (failed) throw RankError(all.text("failed"));
  if (!complete) {
    throw RankError(
        fmt::format("{} of {} {} not come within {} s; was every one started, and with "
                    "the same WORLD_SIZE?",
                    ranks_text(missing), all.place.size, missing.size() == 1 ? "has" : "have",
                    all.timeout.count()));
  }
}

std::shared_ptr<gloo::transport::Device> device_for(const Place& place) {
  using Gloo = c10d::ProcessGroupGloo;
  if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME")) {
    return Gloo::createDeviceForInterface(interface);
  }
  if (place.address == "127.0.0.1" || place.address == "localhost") {
    return Gloo::createDeviceForHostname("127.0.0.1");
  }
  return Gloo::createDefaultDevice();
}

}  // namespace

bool available() {
  return true;
}

void join(const Place& place, std::chrono::seconds timeout, const base::Json& identity) {
  if (place.size == 1) return;
  Group& all = group();
  all.place = place;
  all.timeout = timeout;
  all.store = open_store(place, timeout);
  try {
    base::Json own = identity;
    own["the number of ranks"] = place.size;
    meet(own);
    auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(timeout));
    options->devices.push_back(device_for(place));
    all.processes =
        c10::make_intrusive<c10d::ProcessGroupGloo>(all.store, place.rank, place.size, options);
  } catch (const base::Error&) {
    throw;
  } catch (const std::exception& failure) {
    explain(failure);
  }
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

void copy_of_first(torch::Tensor& tensor) {
  if (size() == 1 || tensor.numel() == 0) return;
  const auto here = where_it_travels(tensor);
  std::vector<torch::Tensor> bytes = {bytes_of(here)};
  talk(here, [&](auto& ranks) { ranks.broadcast(bytes)->wait(); });
  if (rank() == 0) return;
  const torch::NoGradGuard no_grad;
  tensor.copy_(here);
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

/// Rank 0 keeps the store until the others have read it.
void wait_for_others() {
  Group& all = group();
  all.processes.reset();
  all.set(key_of("left", all.place.rank), "1");
  if (all.place.rank == 0) wait_until(kGrace, [] { return ranks_without("left").empty(); });
}

}  // namespace

void leave() noexcept {
  Group& all = group();
  if (!all.store) return;
  try {
    if (all.place.rank == 0) all.set("done", "1");
    wait_for_others();
  } catch (const std::exception&) {  // there is nobody left to tell
  }
}

void leave_with(const std::string& message) noexcept {
  Group& all = group();
  if (!all.store) return;
  try {
    if (!all.has("failed")) {
      all.set("failed", fmt::format("rank {} has ended: {}", all.place.rank, message));
    }
    wait_for_others();
  } catch (const std::exception&) {
  }
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

}  // namespace reaugkd::parallel
