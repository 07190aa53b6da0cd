// Where and in what precision a stage computes, and the one place that knows how LibTorch 1.13 and
// 2.x differ. Used by models, train, distill and stages.
#pragma once

#include <torch/torch.h>

#include <torch/version.h>

#include <cstdint>
#include <filesystem>
#include <string>

/// Whether the LibTorch that is compiled against is of this version or a later one.
#define REAUGKD_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) ||          \
   (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

namespace reaugkd::tensor {

/// kInt8: products of weights and states of 8 bits, the rest in fp32. Not for training.
enum class Precision { kFp32, kBf16, kInt8 };

/// "fp32", "bf16", "int8".
std::string to_string(Precision precision);

/// `text`: auto, cpu, cuda or cuda:n. auto takes CUDA where there is one. Throws ConfigError where
/// cuda is asked for and this build or machine has none, or has one that does not compute.
torch::Device parse_device(const std::string& text);

/// Whether bf16 arithmetic is faster than fp32: AMX, AVX512-BF16 of processors that are not made
/// for AMX, or compute capability 8 and up.
bool has_fast_bf16(const torch::Device& device);

/// `text`: auto, fp32, bf16 or int8. auto is bf16 for training where has_fast_bf16, else fp32.
/// Throws ConfigError for int8 where there are no such products.
Precision parse_precision(const std::string& text, const torch::Device& device, bool training);

/// Where and how a stage computes, resolved.
struct Compute {
  torch::Device device = torch::kCPU;
  Precision precision = Precision::kFp32;
  int threads = 1;
  std::filesystem::path token_cache = {};  // empty: token ids are not kept
};

/// Settles what LibTorch would else choose by version, container and environment: fp32 products are
/// fp32, not TF32; attention is not cuDNN's, which makes a plan for each shape that it meets and in
/// some versions rounds dropout's rate to sixteenths.
void settle_cuda_choices();

/// The host's tensor `x` on `device`. Where that is a GPU, it copies when its queue comes to it and
/// the host goes on meanwhile: `x` is copied to pinned memory first.
torch::Tensor send(const torch::Tensor& x, const torch::Device& device);

/// The cores that this process may use (taskset, a batch job's share), or OMP_NUM_THREADS.
int available_threads();

/// Sets the number of compute threads, of OpenMP and of OpenBLAS (unless OPENBLAS_NUM_THREADS
/// does); 0 takes available_threads(). Returns the number set.
int set_threads(std::int64_t threads);

/// While it lives, a batch of few `values` (B T H) in fp32 on the CPU is computed by this thread
/// alone, but for OpenBLAS's products, which have threads of their own: to wake OpenMP's between
/// any two of them costs more than they do. Sums may be rounded otherwise. Else it does nothing.
class SmallBatchGuard {
 public:
  SmallBatchGuard(const torch::Device& device, Precision precision, std::int64_t values);
  ~SmallBatchGuard();
  SmallBatchGuard(const SmallBatchGuard&) = delete;
  SmallBatchGuard& operator=(const SmallBatchGuard&) = delete;

 private:
  int threads_before_ = 0;  // 0: they were left as they are
};

/// While it lives, a product of OpenBLAS is computed by the thread that asks for it: for callers
/// that are many threads themselves.
class SingleThreadedProductsGuard {
 public:
  SingleThreadedProductsGuard();
  ~SingleThreadedProductsGuard();
  SingleThreadedProductsGuard(const SingleThreadedProductsGuard&) = delete;
  SingleThreadedProductsGuard& operator=(const SingleThreadedProductsGuard&) = delete;

 private:
  int threads_before_ = 0;  // 0: they were left as they are
};

/// Whether this thread's products on such a device are bf16's.
bool autocast_enabled(torch::DeviceType type);

/// bf16 autocast while it lives; nothing where precision is fp32.
class AutocastGuard {
 public:
  AutocastGuard(const torch::Device& device, Precision precision);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  torch::DeviceType type_;
  bool active_;
  bool was_enabled_ = false;
};

/// No autocast while it lives: what is computed is computed in the type of its inputs.
class AutocastOffGuard {
 public:
  explicit AutocastOffGuard(const torch::Device& device);
  ~AutocastOffGuard();
  AutocastOffGuard(const AutocastOffGuard&) = delete;
  AutocastOffGuard& operator=(const AutocastOffGuard&) = delete;

 private:
  torch::DeviceType type_;
  bool was_enabled_;
};

/// The processor whose kernels OpenBLAS runs, such as "SkylakeX"; empty without OpenBLAS.
std::string openblas_core();

/// The LibTorch this binary runs with, and the machine: "LibTorch 1.13.0, OpenBLAS SkylakeX, cpu, 2
/// threads"; of a GPU its name as well.
std::string describe(const torch::Device& device);

}  // namespace reaugkd::tensor
