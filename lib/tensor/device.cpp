#include "tensor/device.h"

#include <ATen/autocast_mode.h>
#include <dlfcn.h>
#include <sched.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/names.h"
#include "kernels/packed_weights.h"

namespace reaugkd::tensor {

bool autocast_enabled(torch::DeviceType type) {
#if REAUGKD_TORCH_AT_LEAST(2, 4)
  return at::autocast::is_autocast_enabled(type);
#else
  return type == torch::kCUDA ? at::autocast::is_enabled() : at::autocast::is_cpu_enabled();
#endif
}

namespace {

void set_autocast(torch::DeviceType type, bool enabled) {
#if REAUGKD_TORCH_AT_LEAST(2, 4)
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

/// What Linux says of the first processor under `key`; empty where /proc is not there.
std::string cpu_info(const std::string& key) {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind(key, 0) == 0) return line.substr(line.find(':') + 1) + " ";
  }
  return "";
}

/// Intel's processors with AMX multiply bf16 in it: their AVX512-BF16 does so at half the rate of
/// fp32 (docs/developer/performance.md), and is all that is left of it where a virtual machine
/// hides AMX.
bool cpu_has_fast_bf16() {
  const std::string features = cpu_info("flags");
  const auto has = [&](const char* name) {
    return features.find(fmt::format(" {} ", name)) != features.npos;
  };
  if (has("amx_bf16")) return true;
  const bool made_for_amx =
      cpu_info("vendor_id").find("GenuineIntel") != std::string::npos && has("avx512_fp16");
  return has("avx512_bf16") && !made_for_amx;
}

/// A function of a library that LibTorch has brought into the process; null where it has not.
template <typename Function>
Function loaded(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, name));
}

/// Whether there is an OpenBLAS with threads of its own, which does not ask OpenMP.
bool openblas_has_threads() {
  constexpr int kOwnThreads = 1;  // 0: none, 2: OpenMP's
  static auto* const parallel = loaded<int (*)()>("openblas_get_parallel");
  return parallel != nullptr && parallel() == kOwnThreads;
}

void set_openblas_threads(int threads) {
  static auto* const set = loaded<void (*)(int)>("openblas_set_num_threads");
  if (set != nullptr && openblas_has_threads()) set(threads);
}

/// Asked of the CUDA runtime that LibTorch has loaded: LibTorch's device-independent headers do not
/// say it, and CUDA's own are absent where a Python wheel is built against. 0 if unknown.
int cuda_compute_capability_major(const torch::Device& device) {
  constexpr int kComputeCapabilityMajor = 75;  // cudaDevAttrComputeCapabilityMajor
  using GetAttribute = int (*)(int* value, int attribute, int device);
  const auto get = loaded<GetAttribute>("cudaDeviceGetAttribute");
  int major = 0;
  if (get == nullptr || get(&major, kComputeCapabilityMajor, device.index()) != 0) return 0;
  return major;
}

/// The name that cudaDeviceProp begins with in every version of CUDA; empty if unknown.
std::string cuda_name(const torch::Device& device) {
  using GetProperties = int (*)(void* properties, int device);
  auto get = loaded<GetProperties>("cudaGetDeviceProperties_v2");  // CUDA 12
  if (get == nullptr) get = loaded<GetProperties>("cudaGetDeviceProperties");
  std::array<char, 1 << 16> properties{};  // larger than any of them
  if (get == nullptr || get(properties.data(), device.index()) != 0) return "";
  properties[255] = '\0';
  return properties.data();
}

/// Throws ConfigError where the GPU is there but cannot be used: taken by another process, or of a
/// generation that this LibTorch has no kernels for.
torch::Device usable(const torch::Device& device) {
  try {
    torch::ones({1}, device).add_(1).item<float>();
  } catch (const c10::Error& error) {
    throw base::ConfigError("`device` {}: the GPU does not compute: {}; take another, or cpu",
                            device.str(), error.what_without_backtrace());
  }
  return device;
}

}  // namespace

std::string to_string(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return "fp32";
    case Precision::kBf16:
      return "bf16";
    case Precision::kInt8:
      return "int8";
  }
  throw base::InternalError("unknown precision");
}

torch::Device parse_device(const std::string& text) {
  if (text == "cpu") return torch::kCPU;
  if (text == "auto") {
    return torch::cuda::is_available() ? usable({torch::kCUDA, 0}) : torch::Device(torch::kCPU);
  }
  torch::DeviceIndex number = 0;
  if (text.rfind("cuda:", 0) == 0 && text.size() > 5 && text.size() <= 7 &&
      text.find_first_not_of("0123456789", 5) == text.npos) {
    number = static_cast<torch::DeviceIndex>(std::atoi(text.c_str() + 5));
  } else if (text != "cuda") {
    throw base::ConfigError("`device`: \"{}\" is not one of auto, cpu, cuda, cuda:0, cuda:1 ...{}",
                            text, base::did_you_mean(text, {"auto", "cpu", "cuda"}));
  }
  if (!torch::cuda::is_available()) {
    throw base::ConfigError(
        "`device` {}: this machine, or the LibTorch this binary was built with, has no CUDA, or "
        "its driver is older than that CUDA needs; use `device` cpu",
        text);
  }
  const auto devices = static_cast<int>(torch::cuda::device_count());  // 2.x: a byte
  if (number >= devices) {
    throw base::ConfigError("`device` {}: there are {} CUDA devices, counted from 0", text,
                            devices);
  }
  return usable({torch::kCUDA, number});
}

bool has_fast_bf16(const torch::Device& device) {
  if (device.is_cpu()) return cpu_has_fast_bf16();
  return cuda_compute_capability_major(device) >= 8;
}

Precision parse_precision(const std::string& text, const torch::Device& device, bool training) {
  if (text == "fp32") return Precision::kFp32;
  if (text == "bf16") return Precision::kBf16;
  if (text == "int8") {
    if (!device.is_cpu()) {
      throw base::ConfigError(
          "`precision` int8: it is for CPUs; add `device` cpu, or leave it out");
    }
    if (!kernels::can_pack(kernels::Format::kInt8)) {
      throw base::ConfigError(
          "`precision` int8: this build or this processor cannot compute it. It needs Debian's "
          "LibTorch with oneDNN's headers, and AVX512-VNNI without AMX. Leave it out; with AMX, "
          "bf16 "
          "is fast");
    }
    return Precision::kInt8;
  }
  if (text != "auto") {
    throw base::ConfigError("`precision`: \"{}\" is not one of auto, fp32, bf16, int8", text);
  }
  return training && has_fast_bf16(device) ? Precision::kBf16 : Precision::kFp32;
}

void settle_cuda_choices() {
  at::globalContext().setAllowTF32CuBLAS(false);
#if REAUGKD_TORCH_AT_LEAST(2, 5)
  at::globalContext().setSDPUseCuDNN(false);
#endif
}

torch::Tensor send(const torch::Tensor& x, const torch::Device& device) {
  if (device.is_cpu()) return x;
  return x.pin_memory().to(device, /*non_blocking=*/true);
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
  if (std::getenv("OPENBLAS_NUM_THREADS") == nullptr) {
    set_openblas_threads(static_cast<int>(threads));
  }
  return static_cast<int>(threads);
}

namespace {

/// OpenMP's, of whichever library LibTorch came with. at::set_num_threads would do more.
void set_openmp_threads(int threads) {
  static auto* const set = loaded<void (*)(int)>("omp_set_num_threads");
  if (set != nullptr) set(threads);
}

}  // namespace

SmallBatchGuard::SmallBatchGuard(const torch::Device& device, Precision precision,
                                 std::int64_t values) {
  constexpr std::int64_t kFew = 1 << 16;
  if (!openblas_has_threads() || !device.is_cpu() || precision != Precision::kFp32 || values > kFew)
    return;
  threads_before_ = torch::get_num_threads();
  set_openmp_threads(1);
}

SmallBatchGuard::~SmallBatchGuard() {
  if (threads_before_ > 0) set_openmp_threads(threads_before_);
}

SingleThreadedProductsGuard::SingleThreadedProductsGuard() {
  static auto* const get = loaded<int (*)()>("openblas_get_num_threads");
  if (get == nullptr || !openblas_has_threads()) return;
  threads_before_ = get();
  set_openblas_threads(1);
}

SingleThreadedProductsGuard::~SingleThreadedProductsGuard() {
  if (threads_before_ > 0) set_openblas_threads(threads_before_);
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

AutocastOffGuard::AutocastOffGuard(const torch::Device& device)
    : type_(device.type()), was_enabled_(autocast_enabled(type_)) {
  if (was_enabled_) set_autocast(type_, false);
}

AutocastOffGuard::~AutocastOffGuard() {
  if (was_enabled_) set_autocast(type_, true);
}

std::string openblas_core() {
  static auto* const name = loaded<char* (*)()>("openblas_get_corename");
  return name == nullptr ? "" : name();
}

std::string describe(const torch::Device& device) {
  const std::string core = openblas_core();
  const std::string blas = core.empty() ? "" : ", OpenBLAS " + core;
  const std::string gpu = device.is_cuda() ? " " + cuda_name(device) : "";
  return fmt::format("LibTorch {}.{}.{}{}, {}{}, {} threads", TORCH_VERSION_MAJOR,
                     TORCH_VERSION_MINOR, TORCH_VERSION_PATCH, blas, device.str(), gpu,
                     torch::get_num_threads());
}

}  // namespace reaugkd::tensor
