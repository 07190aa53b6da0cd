#include "library_environment.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <initializer_list>

namespace reaugkd::apps {
namespace {

/// Sets the variable unless it is there.
bool set_if_absent(const char* name, const char* value) {
  return std::getenv(name) == nullptr && ::setenv(name, value, /*overwrite=*/0) == 0;
}

/// Whether the OpenBLAS that will be loaded is a 0.3 that takes an unknown Intel processor for the
/// oldest that it knows.
bool openblas_is_before_0_3_25() {
  // Loaded to be asked its version: it shall not start its threads.
  const bool one_thread = set_if_absent("OPENBLAS_NUM_THREADS", "1");
  // In a package (make package), beside LibTorch, or where the system keeps libraries.
  void* library = nullptr;
  for (const char* path : {"$ORIGIN/../lib/reaugkd/libopenblas.so.0",
                           TORCH_LIBRARY_DIR "/libopenblas.so.0", "libopenblas.so.0"}) {
    if (library == nullptr) library = ::dlopen(path, RTLD_LAZY | RTLD_LOCAL);
  }
  if (one_thread) ::unsetenv("OPENBLAS_NUM_THREADS");
  if (library == nullptr) return false;
  using GetConfig = const char* (*)();
  const auto config = reinterpret_cast<GetConfig>(::dlsym(library, "openblas_get_config"));
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
const char* openblas_core() {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (!__builtin_cpu_is("intel") || !openblas_is_before_0_3_25()) return nullptr;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return "SkylakeX";
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
  return nullptr;
}

}  // namespace

bool set_library_environment() {
  bool changed = false;
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) {
    changed = set_if_absent("OMP_WAIT_POLICY", "passive");
    changed = set_if_absent("GOMP_SPINCOUNT", "20000") || changed;
  }
  // A kernel for each shape of a product: two threads that throw old ones away crash oneDNN 2.6.
  changed = set_if_absent("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384") || changed;
  if (std::getenv("OPENBLAS_CORETYPE") == nullptr) {
    if (const char* core = openblas_core()) {
      changed = set_if_absent("OPENBLAS_CORETYPE", core) || changed;
    }
  }
  return changed;
}

void start_again_with_library_environment(char** argv) {
  if (!set_library_environment()) return;
  ::execv("/proc/self/exe", argv);
  // Where /proc is missing the program is slower, and right.
}

}  // namespace reaugkd::apps
