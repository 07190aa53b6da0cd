// A CUDA device for machines that have none: preloaded into a program whose LibTorch is CPU-only,
// it offers one device, cuda:0, whose kernels are the CPU's. It is as strict as a GPU is:
// - its memory lies where no instruction of the host may touch it: reading a data_ptr() crashes;
// - a kernel whose tensors lie on two devices is an error, as is a view that it does not know;
// - what makes the host wait for the device is counted; EMULATED_CUDA_WAITS names the file that the
//   counts are written to at the end.
// What it cannot show: speed, CUDA's own rounding, and host memory that changes under a copy that
// has not happened yet.
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <cstring>
#include <fstream>

#include "kernel_call.h"

namespace emulated_cuda {
namespace {

struct WaitsAtTheEnd {
  ~WaitsAtTheEnd() {
    const char* const path = std::getenv("EMULATED_CUDA_WAITS");
    if (path == nullptr) return;
    std::ofstream file(path);
    for (const auto& [what, count] : waits) file << count << '\t' << what << '\n';
  }
} waits_at_the_end;

// ---- what must not become a kernel of the CPU's ----

at::Tensor& copy(at::Tensor& to, const at::Tensor& from, bool non_blocking) {
  const bool to_host = !to.device().is_cuda();
  const bool from_host = !from.device().is_cuda();
  if (to_host) host_waits("copy to the host");
  if (from_host && !(non_blocking && PinnedMemory::get().contains(from.data_ptr()))) {
    host_waits(non_blocking ? "copy to the device from memory that is not pinned"
                            : "copy to the device, blocking");
  }
  for_kernel(to).copy_(for_kernel(from));
  return to;
}

bool is_pinned(const at::Tensor& x, c10::optional<at::Device> /*device*/) {
  return PinnedMemory::get().contains(x.data_ptr());
}

at::Tensor pin_memory(const at::Tensor& x, c10::optional<at::Device> /*device*/) {
  const auto pinned = at::Tensor(at::detail::empty_strided_generic(
      x.sizes(), x.strides(), &PinnedMemory::get(), c10::DispatchKeySet(c10::DispatchKey::CPU),
      x.scalar_type()));
  return pinned.copy_(x);
}

at::Scalar item(const at::Tensor& x) {
  host_waits("item()");
  return for_kernel(x).item();
}

at::Tensor empty_memory_format(at::IntArrayRef sizes, c10::optional<at::ScalarType> type,
                               c10::optional<at::Layout> /*layout*/,
                               c10::optional<at::Device> /*device*/, c10::optional<bool> pinned,
                               c10::optional<at::MemoryFormat> format) {
  TORCH_CHECK(!pinned.value_or(false), "only host memory is pinned");
  return empty(sizes, c10::dtype_or_default(type), format);
}

at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides,
                         c10::optional<at::ScalarType> type, c10::optional<at::Layout> /*layout*/,
                         c10::optional<at::Device> /*device*/, c10::optional<bool> /*pinned*/) {
  return at::detail::empty_strided_generic(sizes, strides, &DeviceMemory::get(),
                                           c10::DispatchKeySet(c10::DispatchKey::CUDA),
                                           c10::dtype_or_default(type));
}

at::Tensor view_of(const at::Tensor& x, at::IntArrayRef sizes, at::IntArrayRef strides,
                   std::int64_t offset) {
  auto result = at::detail::make_tensor<at::TensorImpl>(
      c10::TensorImpl::VIEW, c10::Storage(x.storage()), x.key_set(), x.dtype());
  result.unsafeGetTensorImpl()->set_storage_offset(offset);
  result.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, strides);
  return result;
}

at::Tensor as_strided(const at::Tensor& x, at::IntArrayRef sizes, at::IntArrayRef strides,
                      c10::optional<std::int64_t> offset) {
  return view_of(x, sizes, strides, offset.value_or(x.storage_offset()));
}

at::Tensor reshape_alias(const at::Tensor& x, at::IntArrayRef sizes, at::IntArrayRef strides) {
  return view_of(x, sizes, strides, x.storage_offset());
}

at::Tensor view(const at::Tensor& x, at::IntArrayRef sizes) {
  // The strides are those that the CPU's view of the same layout has.
  const auto same = for_kernel(x).view(sizes);
  return view_of(x, same.sizes(), same.strides(), x.storage_offset());
}

TORCH_LIBRARY_IMPL(_, CUDA, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&run_kernel>());
}

TORCH_LIBRARY_IMPL(aten, CUDA, m) {
  m.impl("empty.memory_format", &empty_memory_format);
  m.impl("empty_strided", &empty_strided);
  m.impl("resize_", &resize_on_device);
  m.impl("copy_", &copy);
  m.impl("is_pinned", &is_pinned);
  m.impl("_pin_memory", &pin_memory);
  m.impl("_local_scalar_dense", &item);
  m.impl("as_strided", &as_strided);
  m.impl("_reshape_alias", &reshape_alias);
  m.impl("view", &view);
}

// ---- the device ----

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return c10::kCUDA; }
  c10::Device exchangeDevice(c10::Device) const override { return kGpu; }
  c10::Device getDevice() const override { return kGpu; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
#if REAUGKD_TORCH_AT_LEAST(2, 3)
  c10::Stream getStream(c10::Device) const override {
    return stream();
  }
  c10::Stream exchangeStream(c10::Stream) const override {
    return stream();
  }
#else
  c10::Stream getStream(c10::Device) const noexcept override {
    return stream();
  }
  c10::Stream exchangeStream(c10::Stream) const noexcept override {
    return stream();
  }
#endif
  c10::Stream getDefaultStream(c10::Device) const override {
    return stream();
  }
  c10::DeviceIndex deviceCount() const noexcept override {
    return 1;
  }
  void record(void**, const c10::Stream&, c10::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override {
    return true;
  }
  bool queryStream(const c10::Stream&) const override {
    return true;
  }
  void synchronizeStream(const c10::Stream&) const override {
    host_waits("synchronize");
  }

 private:
  static c10::Stream stream() {
    return c10::Stream(c10::Stream::DEFAULT, kGpu);
  }
};
C10_REGISTER_GUARD_IMPL(CUDA, Guard);

struct Hooks final : at::CUDAHooksInterface {
  explicit Hooks(at::CUDAHooksArgs) {}
  bool hasCUDA() const override { return true; }
  bool hasCUDART() const override { return true; }
  int getNumGPUs() const override { return 1; }
#if REAUGKD_TORCH_AT_LEAST(2, 3)
  void init() const override {}
  // Not "override": not all of 2.x have them.
  virtual bool isBuilt() const {
    return true;
  }
  virtual bool isAvailable() const {
    return true;
  }
  c10::DeviceIndex current_device() const override {
    return 0;
  }
  c10::DeviceIndex deviceCount() const override {
    return 1;
  }
  bool hasPrimaryContext(c10::DeviceIndex) const override {
    return true;
  }
  bool isPinnedPtr(const void* data) const override {
    return PinnedMemory::get().contains(data);
  }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override {
    return generator();
  }
#else
  void initCUDA() const override {}
  std::int64_t current_device() const override {
    return 0;
  }
  bool hasPrimaryContext(std::int64_t) const override {
    return true;
  }
  bool isPinnedPtr(void* data) const override {
    return PinnedMemory::get().contains(data);
  }
  const at::Generator& getDefaultCUDAGenerator(c10::DeviceIndex) const override {
    return generator();
  }
#endif
  at::Allocator* getPinnedMemoryAllocator() const override {
    return &PinnedMemory::get();
  }
  at::Allocator* getCUDADeviceAllocator() const override {
    return &DeviceMemory::get();
  }
  at::Device getDeviceFromPtr(void*) const override {
    return kGpu;
  }

 private:
  static const at::Generator& generator() {
    static const at::Generator cpu = at::globalContext().defaultGenerator(c10::kCPU);
    return cpu;
  }
};

const bool allocator_set = [] {
  c10::SetAllocator(c10::kCUDA, &DeviceMemory::get());
  return true;
}();

}  // namespace
}  // namespace emulated_cuda

namespace at {
C10_REGISTER_CLASS(CUDAHooksRegistry, CUDAHooks, emulated_cuda::Hooks)
}

// What tensor/device.cpp asks CUDA's runtime.
extern "C" {

int cudaDeviceGetAttribute(int* value, int /*attribute*/, int /*device*/) {
  *value = 8;  // compute capability 8: bf16
  return 0;
}

int cudaGetDeviceProperties(void* properties, int /*device*/) {
  std::strcpy(static_cast<char*>(properties), "emulated");
  return 0;
}
}
