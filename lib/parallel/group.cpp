#include "parallel/group.h"

#ifdef REAUGKD_RANKS
#include <algorithm>
#include <cstdlib>
#include <future>
#include <memory>
#include <thread>

#include "base/interrupt.h"
#include "parallel/warnings.h"

namespace reaugkd::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kGrace{15};             // for the others to read how it ended
constexpr milliseconds kSurvivors{3000};  // in which those who are left say so
constexpr milliseconds kPoll{20};
constexpr seconds kPatience{5};  // with the store beyond what it is asked to wait for

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

/// Whether `ask`, which talks to the store, is done within `limit`. Throws what it throws. The
/// store of a machine that is gone may never answer, so it is asked by a thread that nobody waits
/// for.
template <typename Ask>
bool answered_within(std::chrono::steady_clock::duration limit, const Ask& ask) {
  const auto done = std::make_shared<std::promise<void>>();
  auto answer = done->get_future();
  std::thread([done, ask] {
    try {
      ask();
      done->set_value();
    } catch (...) {
      done->set_exception(std::current_exception());
    }
  }).detach();
  if (answer.wait_for(limit) != std::future_status::ready) {
    group().lost = true;
    return false;
  }
  answer.get();
  return true;
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

/// What the store says of the others after a call between ranks has failed.
struct Survivors {
  std::vector<int> silent = {};  // ranks that have not said that they are alive
  bool waited = false;           // for them, in vain
  bool finished = false;         // rank 0 has
  std::string failed = {};       // why a rank has, in its own words
};

Survivors survivors() {
  const Group& all = group();
  Survivors found;
  all.set(key_of("survivor", all.place.rank), "1");
  found.waited = !wait_until(kSurvivors, [&] {
    found.silent = ranks_without("survivor");
    return found.silent.empty() || all.has("done") || all.has("failed");
  });
  found.finished = all.has("done");
  if (all.has("failed")) {
    all.set(key_of("left", all.place.rank), "1");
    found.failed = all.text("failed");
  }
  return found;
}

/// Rank 0 keeps the store until the others have read it, but for those that are gone.
void wait_for_others() {
  Group& all = group();
  all.processes.reset();
  all.set(key_of("left", all.place.rank), "1");
  if (all.place.rank != 0) return;
  wait_until(kGrace, [&] { return std::ranges::includes(all.silent, ranks_without("left")); });
}

}  // namespace

Group& group() {
  static Group* const the_one = new Group;
  return *the_one;
}

void explain(const std::exception& failure) {
  if (base::interrupt_signal() != 0) base::stop_if_interrupted();
  Group& all = group();
  all.processes.reset();  // the others, too, must not wait for this one
#ifdef REAUGKD_NCCL
  all.gpus.reset();
#endif
  const auto found = std::make_shared<Survivors>();
  bool answered = false;
  try {
    answered = answered_within(kSurvivors + kPatience, [found] { *found = survivors(); });
  } catch (const std::exception&) {  // the store is gone
  }
  if (!answered) {
    throw RankError(fmt::format(
        "rank 0 has ended without a word: it was killed, or its machine ({}) cannot be reached; "
        "the same command with `resume` goes on",
        all.place.address));
  }
  if (found->waited) all.silent = found->silent;
  if (found->finished) throw FinishedElsewhere();
  if (!found->failed.empty()) throw RankError(found->failed);
  const auto& silent = found->silent;
  const std::string what = failure.what();
  throw RankError(
      silent.empty()
          ? fmt::format("the ranks lost their connection: {}", what.substr(0, what.find('\n')))
          : fmt::format("{} ended without a word, or did not answer for {} s (killed, out of "
                        "memory, hanging, or a machine that is gone); the same command with "
                        "`resume` goes on",
                        ranks_text(silent), all.timeout.count()));
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

void leave() noexcept {
  Group& all = group();
  if (!all.store || all.lost) return;
  try {
    answered_within(kGrace + kPatience, [&all] {
      if (all.place.rank == 0) all.set("done", "1");
      if (all.place.rank > 0) all.set(key_of("warnings", all.place.rank), take_warnings());
      wait_for_others();
    });
    for (int rank = 1; rank < all.place.size && all.place.rank == 0; ++rank) {
      if (const auto key = key_of("warnings", rank); all.has(key)) {
        repeat_warnings(rank, all.text(key));
      }
    }
  } catch (const std::exception&) {  // there is nobody left to tell
  }
}

void leave_with(const std::string& message) noexcept {
  Group& all = group();
  if (!all.store || all.lost) return;
  try {
    answered_within(kGrace + kPatience, [&all, message] {
      if (!all.has("failed")) {
        all.set("failed", fmt::format("rank {} has ended: {}", all.place.rank, message));
      }
      wait_for_others();
    });
  } catch (const std::exception&) {
  }
}

}  // namespace reaugkd::parallel
#endif
