#include "library_settings.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

constexpr const char* kPolicy = "OMP_WAIT_POLICY";
constexpr const char* kSpins = "GOMP_SPINCOUNT";
constexpr const char* kCoreType = "OPENBLAS_CORETYPE";
char policy[] = "passive";
char spins[] = "20000";
char skylake[] = "SKYLAKEX";
char cooperlake[] = "COOPERLAKE";  // with AVX512-BF16
bool openmp_asked = false;

bool is(const char* name, const char* other) {
  return std::strcmp(name, other) == 0;
}

char* core_type() {
#if defined(__x86_64__)
  __builtin_cpu_init();  // this runs before constructors
  if (!__builtin_cpu_is("amd") || !__builtin_cpu_supports("avx512vl")) return nullptr;
  return __builtin_cpu_supports("avx512bf16") ? cooperlake : skylake;
#else
  return nullptr;
#endif
}

}  // namespace

/// Stands before the C library's for every library of the process.
extern "C" __attribute__((visibility("default"))) char* getenv(const char* name) noexcept {
  if (is(name, kPolicy)) openmp_asked = true;
  if (char* set = ::secure_getenv(name)) return set;
  if (is(name, kCoreType)) return core_type();
  if (!is(name, kPolicy) && !is(name, kSpins)) return nullptr;
  if (::secure_getenv(kPolicy) != nullptr) return nullptr;
  return is(name, kPolicy) ? policy : spins;
}

namespace reaugkd::apps {

void apply_library_settings(char** argv) {
  if (openmp_asked || ::secure_getenv(kPolicy) != nullptr) return;
  if (::setenv(kPolicy, policy, 1) != 0 || ::setenv(kSpins, spins, /*overwrite=*/0) != 0) return;
  ::execv("/proc/self/exe", argv);
  // Where /proc is missing the run is slower, and right.
}

}  // namespace reaugkd::apps
