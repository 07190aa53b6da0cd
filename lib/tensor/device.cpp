#include "tensor/device.h"

#include <ATen/autocast_mode.h>
#include <dlfcn.h>
#include <sched.h>
#include <torch/version.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "core/error.h"

#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
#define REAUGKD_AUTOCAST_BY_DEVICE 1
#else
#define REAUGKD_AUTOCAST_BY_DEVICE 0
#endif

namespace reaugkd::tensor {
namespace {

bool autocast_enabled(torch::DeviceType type) {
#if REAUGKD_AUTOCAST_BY_DEVICE
  return at::autocast::is_autocast_enabled(type);
#else
  return type == torch::kCUDA ? at::autocast::is_enabled() : at::autocast::is_cpu_enabled();
#endif
}

void set_autocast(torch::DeviceType type, bool enabled) {
#if REAUGKD_AUTOCAST_BY_DEVICE
  if (enabled) at::autocast::set_autocast_dtype(type, torch::kBFloat16);
  at::autocast::set_autocast_enabled(type, enabled);
#else
  if (type == torch::kCUDA) {
    if (enabled) at::autocast::set_autocast_gpu_dtype(torch::kBFloat16);
    at::autocast::set_enabled(enabled);
  } else {
    if (enabled) at::autocast::set_autocast_cpu_dtype(torch::kBFloat16);
    at::autocast::set_cpu_enabled(enabled);
  }
#endif
}

/// The processor's features as Linux names them; empty where /proc is not there.
bool cpu_has(const std::string& feature) {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("flags", 0) == 0) return (line + " ").find(" " + feature + " ") != line.npos;
  }
  return false;
}

/// Asked of the CUDA runtime that LibTorch has loaded: LibTorch's device-independent headers do not
/// say it, and CUDA's own are absent where a Python wheel is built against. 0 if unknown.
int cuda_compute_capability_major(const torch::Device& device) {
  constexpr int kComputeCapabilityMajor = 75;  // cudaDevAttrComputeCapabilityMajor
  using GetAttribute = int (*)(int* value, int attribute, int device);
  const auto get = reinterpret_cast<GetAttribute>(::dlsym(RTLD_DEFAULT, "cudaDeviceGetAttribute"));
  int major = 0;
  if (get == nullptr || get(&major, kComputeCapabilityMajor, device.index()) != 0) return 0;
  return major;
}

}  // namespace

std::string to_string(Precision precision) {
  return precision == Precision::kBf16 ? "bf16" : "fp32";
}

torch::Device parse_device(const std::string& text) {
  if (text == "cpu") return torch::kCPU;
  if (text == "auto") {
    return torch::cuda::is_available() ? torch::Device(torch::kCUDA, 0) : torch::kCPU;
  }
  torch::DeviceIndex number = 0;
  if (text.rfind("cuda:", 0) == 0 && text.size() > 5 && text.size() <= 7 &&
      text.find_first_not_of("0123456789", 5) == text.npos) {
    number = static_cast<torch::DeviceIndex>(std::atoi(text.c_str() + 5));
  } else if (text != "cuda") {
    throw core::ConfigError("--device: \"{}\" is not one of auto, cpu, cuda, cuda:0, cuda:1 ...",
                            text);
  }
  if (!torch::cuda::is_available()) {
    throw core::ConfigError(
        "--device {}: this machine, or the LibTorch this binary was built with, has no CUDA; use "
        "--device cpu",
        text);
  }
  const auto devices = static_cast<int>(torch::cuda::device_count());  // 2.x: a byte
  if (number >= devices) {
    throw core::ConfigError("--device {}: there are {} CUDA devices, counted from 0", text,
                            devices);
  }
  return {torch::kCUDA, number};
}

bool has_fast_bf16(const torch::Device& device) {
  if (device.is_cpu()) return cpu_has("amx_bf16") || cpu_has("avx512_bf16");
  return cuda_compute_capability_major(device) >= 8;
}

Precision parse_precision(const std::string& text, const torch::Device& device, bool training) {
  if (text == "fp32") return Precision::kFp32;
  if (text == "bf16") return Precision::kBf16;
  if (text != "auto") {
    throw core::ConfigError("--precision: \"{}\" is not one of auto, fp32, bf16", text);
  }
  return training && has_fast_bf16(device) ? Precision::kBf16 : Precision::kFp32;
}

int available_threads() {
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    if (const int threads = std::atoi(text); threads > 0) return threads;
  }
  cpu_set_t cores;
  if (::sched_getaffinity(0, sizeof cores, &cores) == 0) return CPU_COUNT(&cores);
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

int set_threads(std::int64_t threads) {
  if (threads == 0) threads = available_threads();
  torch::set_num_threads(static_cast<int>(threads));
  // OpenBLAS with threads of its own does not ask OpenMP.
  using SetThreads = void (*)(int);
  if (auto* set = reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
      set != nullptr && std::getenv("OPENBLAS_NUM_THREADS") == nullptr) {
    set(static_cast<int>(threads));
  }
  return static_cast<int>(threads);
}

namespace {

/// OpenMP's, of whichever library LibTorch came with. at::set_num_threads would do more.
void set_openmp_threads(int threads) {
  using SetThreads = void (*)(int);
  static auto* const set =
      reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set != nullptr) set(threads);
}

}  // namespace

SmallBatchGuard::SmallBatchGuard(const torch::Device& device, Precision precision,
                                 std::int64_t values) {
  constexpr std::int64_t kFew = 1 << 16;
  static const bool openblas = ::dlsym(RTLD_DEFAULT, "openblas_set_num_threads") != nullptr;
  if (!openblas || !device.is_cpu() || precision != Precision::kFp32 || values > kFew) return;
  threads_before_ = torch::get_num_threads();
  set_openmp_threads(1);
}

SmallBatchGuard::~SmallBatchGuard() {
  if (threads_before_ > 0) set_openmp_threads(threads_before_);
}

AutocastGuard::AutocastGuard(const torch::Device& device, Precision precision)
    : type_(device.type()), active_(precision == Precision::kBf16) {
  if (!active_) return;
  was_enabled_ = autocast_enabled(type_);
  set_autocast(type_, true);
  at::autocast::increment_nesting();
}

AutocastGuard::~AutocastGuard() {
  if (!active_) return;
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  set_autocast(type_, was_enabled_);
}

std::string describe(const torch::Device& device) {
  return fmt::format("LibTorch {}.{}.{}, {}, {} threads", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR,
                     TORCH_VERSION_PATCH, device.str(), torch::get_num_threads());
}

}  // namespace reaugkd::tensor
