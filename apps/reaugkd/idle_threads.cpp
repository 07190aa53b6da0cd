#include "idle_threads.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

constexpr const char* kPolicy = "OMP_WAIT_POLICY";
constexpr const char* kSpins = "GOMP_SPINCOUNT";
char policy[] = "passive";
char spins[] = "20000";
bool openmp_asked = false;  // libgomp, as it was loaded

}  // namespace

/// Stands before the C library's for every library of the process: what libgomp asks as it is
/// loaded, before main, has our defaults.
extern "C" __attribute__((visibility("default"))) char* getenv(const char* name) noexcept {
  if (std::strcmp(name, kPolicy) == 0) openmp_asked = true;
  if (char* set = ::secure_getenv(name)) return set;
  if (::secure_getenv(kPolicy) != nullptr) return nullptr;
  if (std::strcmp(name, kPolicy) == 0) return policy;
  return std::strcmp(name, kSpins) == 0 ? spins : nullptr;
}

namespace reaugkd::apps {

void spin_briefly_when_idle(char** argv) {
  if (openmp_asked || ::secure_getenv(kPolicy) != nullptr) return;
  // GCC 13's libgomp reads the environment itself.
  if (::setenv(kPolicy, policy, 1) != 0 || ::setenv(kSpins, spins, /*overwrite=*/0) != 0) return;
  ::execv("/proc/self/exe", argv);
  // Where /proc is missing the run is slower, and right.
}

}  // namespace reaugkd::apps
