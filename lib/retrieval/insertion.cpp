#include "retrieval/insertion.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/interrupt.h"
#include "base/progress.h"

namespace reaugkd::retrieval {

void insert_places(std::int64_t begin, std::int64_t end, int threads,
                   const std::function<void(std::int64_t place)>& add) {
  base::Progress progress("index", end - begin, "rows");
  std::atomic<std::int64_t> next{begin};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto work = [&](bool shows_progress) {
    try {
      for (std::int64_t place = next++; place < end; place = next++) {
        base::stop_if_interrupted();
        add(place);
        if (shows_progress) progress.update(std::min(next.load(), end) - begin);
      }
    } catch (...) {
      next = end;
      const std::lock_guard lock(failure_mutex);
      failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (int i = 1; i < threads; ++i) helpers.emplace_back(work, false);
    work(true);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace reaugkd::retrieval
