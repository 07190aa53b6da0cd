#include "library_defaults.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr const char* kPolicy = "OMP_WAIT_POLICY";
constexpr const char* kSpins = "GOMP_SPINCOUNT";
constexpr const char* kCore = "OPENBLAS_CORETYPE";
char policy[] = "passive";
char spins[] = "20000";
bool openmp_asked = false;  // libgomp, as it was loaded

/// Whether the OpenBLAS that is being loaded is a 0.3 that takes an unknown Intel processor for the
/// oldest that it knows.
bool openblas_is_before_0_3_25() {
  using GetConfig = const char* (*)();
  const auto config = reinterpret_cast<GetConfig>(::dlsym(RTLD_DEFAULT, "openblas_get_config"));
  int major = 0;
  int minor = 0;
  int patch = 0;
  if (config == nullptr ||
      std::sscanf(config(), "OpenBLAS %d.%d.%d", &major, &minor, &patch) != 3) {
    return false;
  }
  return major == 0 && minor == 3 && patch < 25;
}

/// The kernels that an OpenBLAS which knew this processor would take; null: as it finds itself.
char* openblas_core() {
#if defined(__x86_64__) && defined(__GNUC__)
  static char skylake[] = "SkylakeX";
  static char haswell[] = "Haswell";
  __builtin_cpu_init();
  if (!__builtin_cpu_is("intel") || !openblas_is_before_0_3_25()) return nullptr;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return skylake;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return haswell;
#endif
  return nullptr;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) char* getenv(const char* name) noexcept {
  if (std::strcmp(name, kPolicy) == 0) openmp_asked = true;
  if (char* set = ::secure_getenv(name)) return set;
  if (std::strcmp(name, kCore) == 0) return openblas_core();
  if (::secure_getenv(kPolicy) != nullptr) return nullptr;
  if (std::strcmp(name, kPolicy) == 0) return policy;
  return std::strcmp(name, kSpins) == 0 ? spins : nullptr;
}

namespace reaugkd::apps {

void spin_briefly_when_idle(char** argv) {
  if (openmp_asked || ::secure_getenv(kPolicy) != nullptr) return;
  if (::setenv(kPolicy, policy, 1) != 0 || ::setenv(kSpins, spins, /*overwrite=*/0) != 0) return;
  ::execv("/proc/self/exe", argv);
  // Where /proc is missing the run is slower, and right.
}

}  // namespace reaugkd::apps
