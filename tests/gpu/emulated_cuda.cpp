// A CUDA device for machines that have none: preloaded into a program whose LibTorch is CPU-only,
// it offers one device, cuda:0, whose kernels are the CPU's. It is as strict as a GPU is:
// - its memory lies where no instruction of the host may touch it: reading a data_ptr() crashes;
// - a kernel whose tensors lie on two devices is an error, as is a view that it does not know;
// - what makes the host wait for the device is counted; EMULATED_CUDA_WAITS names the file that the
//   counts are written to at the end.
// What it cannot show: speed, CUDA's own rounding, and host memory that changes under a copy that
// has not happened yet.
#include <ATen/EmptyTensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/native/Resize.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <sys/mman.h>
#include <torch/library.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "tensor/device.h"

namespace {

const c10::Device kGpu(c10::kCUDA, 0);

// ---- memory ----

/// One file in memory, mapped twice: where tensors' pointers point, without access, and where the
/// kernels see it.
class DeviceMemory final : public c10::Allocator {
 public:
  static DeviceMemory& get() {
    static auto* const memory = new DeviceMemory;
    return *memory;
  }

  std::byte* for_kernels(const void* pointer) const {
    TORCH_CHECK(contains(pointer), "not a pointer into the device's memory");
    return seen_by_kernels_ + (static_cast<const std::byte*>(pointer) - addresses_);
  }

  bool contains(const void* pointer) const {
    return pointer >= addresses_ && pointer < addresses_ + kBytes;
  }

  c10::DataPtr take(std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::size_t size = kSmallest;
    while (size < bytes) size *= 2;
    auto& free_blocks = free_[size];
    std::byte* block = nullptr;
    if (!free_blocks.empty()) {
      block = free_blocks.back();
      free_blocks.pop_back();
    } else {
      TORCH_CHECK(used_ + size <= kBytes, "the emulated device is out of memory");
      block = addresses_ + used_;
      used_ += size;
    }
    std::memset(for_kernels(block), 0xFF, bytes);  // NaN: what nobody has written shows
    size_of_[block] = size;
    return {block, block, &DeviceMemory::give_back, kGpu};
  }

#if REAUGKD_TORCH_AT_LEAST(2, 3)
  c10::DataPtr allocate(std::size_t bytes) override {
    return take(bytes);
  }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    std::memcpy(for_kernels(to), for_kernels(from), bytes);
  }
#else
  c10::DataPtr allocate(std::size_t bytes) const override {
    return const_cast<DeviceMemory*>(this)->take(bytes);
  }
#endif
  c10::DeleterFnPtr raw_deleter() const override {
    return &DeviceMemory::give_back;
  }

 private:
  static constexpr std::size_t kBytes = std::size_t{16} << 30U;  // of addresses; used as touched
  static constexpr std::size_t kSmallest = 512;

  DeviceMemory() {
    const int file = ::memfd_create("emulated cuda", 0);
    TORCH_CHECK(file >= 0 && ::ftruncate(file, kBytes) == 0, "no memory file");
    addresses_ = map(file, PROT_NONE);
    seen_by_kernels_ = map(file, PROT_READ | PROT_WRITE);
    ::close(file);
  }

  static std::byte* map(int file, int access) {
    void* const at = ::mmap(nullptr, kBytes, access, MAP_SHARED | MAP_NORESERVE, file, 0);
    TORCH_CHECK(at != MAP_FAILED, "the memory file cannot be mapped");
    return static_cast<std::byte*>(at);
  }

  static void give_back(void* pointer) {
    auto& memory = get();
    const std::lock_guard<std::mutex> lock(memory.mutex_);
    auto* const block = static_cast<std::byte*>(pointer);
    memory.free_[memory.size_of_.at(block)].push_back(block);
  }

  std::mutex mutex_;
  std::byte* addresses_ = nullptr;
  std::byte* seen_by_kernels_ = nullptr;
  std::size_t used_ = 0;
  std::map<std::size_t, std::vector<std::byte*>> free_;
  std::map<std::byte*, std::size_t> size_of_;
};

/// Host memory of which a GPU copies without making the host wait.
class PinnedMemory final : public c10::Allocator {
 public:
  static PinnedMemory& get() {
    static auto* const memory = new PinnedMemory;
    return *memory;
  }

  bool contains(const void* pointer) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto block = blocks_.upper_bound(static_cast<const std::byte*>(pointer));
    if (block == blocks_.begin()) return false;
    --block;
    return pointer < block->first + block->second;
  }

  c10::DataPtr take(std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto* const block = static_cast<std::byte*>(std::malloc(std::max<std::size_t>(bytes, 1)));
    blocks_[block] = bytes;
    return {block, block, &PinnedMemory::give_back, c10::kCPU};
  }

#if REAUGKD_TORCH_AT_LEAST(2, 3)
  c10::DataPtr allocate(std::size_t bytes) override {
    return take(bytes);
  }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }
#else
  c10::DataPtr allocate(std::size_t bytes) const override {
    return const_cast<PinnedMemory*>(this)->take(bytes);
  }
#endif

 private:
  static void give_back(void* pointer) {
    {
      const std::lock_guard<std::mutex> lock(get().mutex_);
      get().blocks_.erase(static_cast<std::byte*>(pointer));
    }
    std::free(pointer);
  }

  mutable std::mutex mutex_;
  std::map<const std::byte*, std::size_t> blocks_;
};

// ---- where the host waits ----

std::mutex waits_mutex;
std::map<std::string, int> waits;

void host_waits(const std::string& what) {
  const std::lock_guard<std::mutex> lock(waits_mutex);
  ++waits[what];
}

struct WaitsAtTheEnd {
  ~WaitsAtTheEnd() {
    const char* const path = std::getenv("EMULATED_CUDA_WAITS");
    if (path == nullptr) return;
    std::ofstream file(path);
    for (const auto& [what, count] : waits) file << count << '\t' << what << '\n';
  }
} waits_at_the_end;

// ---- kernels ----

/// A CPU tensor over the same memory, for a kernel.
at::Tensor for_kernel(const at::Tensor& x) {
  if (!x.defined() || !x.device().is_cuda()) return x;
  auto* const data = x.numel() == 0 ? nullptr : DeviceMemory::get().for_kernels(x.data_ptr());
  return at::from_blob(data, x.sizes(), x.strides(), x.options().device(c10::kCPU));
}

at::Tensor empty(at::IntArrayRef sizes, at::ScalarType type,
                 c10::optional<at::MemoryFormat> format = {}) {
  return at::detail::empty_generic(sizes, &DeviceMemory::get(),
                                   c10::DispatchKeySet(c10::DispatchKey::CUDA), type, format);
}

at::Tensor on_device(const at::Tensor& x) {
  const auto result = at::Tensor(at::detail::empty_strided_generic(
      x.sizes(), x.strides(), &DeviceMemory::get(), c10::DispatchKeySet(c10::DispatchKey::CUDA),
      x.scalar_type()));
  for_kernel(result).copy_(x);
  return result;
}

const at::Tensor& resize_on_device(const at::Tensor& x, at::IntArrayRef sizes,
                                   c10::optional<at::MemoryFormat> /*format*/) {
  auto* const tensor = x.unsafeGetTensorImpl();
  tensor->set_sizes_contiguous(sizes);
  const auto bytes =
      (static_cast<std::size_t>(x.storage_offset() + x.numel())) * x.dtype().itemsize();
  auto storage = tensor->unsafe_storage();
  if (bytes > storage.nbytes()) {
    auto larger = DeviceMemory::get().take(bytes);
    if (storage.nbytes() > 0) {
      std::memcpy(DeviceMemory::get().for_kernels(larger.get()),
                  DeviceMemory::get().for_kernels(storage.data_ptr().get()), storage.nbytes());
    }
    storage.set_data_ptr_noswap(std::move(larger));
    storage.set_nbytes(bytes);
  }
  return x;
}

/// Kernels whose result's shape, or whose result, the host must know.
bool makes_host_wait(const std::string& name, const std::vector<c10::IValue>& arguments) {
  static const std::set<std::string> known = {"aten::nonzero",
                                              "aten::masked_select",
                                              "aten::equal",
                                              "aten::_unique2",
                                              "aten::unique_dim",
                                              "aten::unique_consecutive",
                                              "aten::repeat_interleave",
                                              "aten::is_nonzero",
                                              "aten::bincount",
                                              "aten::_local_scalar_dense"};
  if (known.count(name) > 0) return true;
  if (name.rfind("aten::index", 0) != 0 && name.rfind("aten::_index_put", 0) != 0) return false;
  for (const auto& argument : arguments) {
    if (!argument.isList()) continue;
    for (const c10::IValue& element : argument.toListRef()) {
      if (element.isTensor() && element.toTensor().defined() &&
          (element.toTensor().scalar_type() == at::kBool ||
           element.toTensor().scalar_type() == at::kByte)) {
        return true;
      }
    }
  }
  return false;
}

/// One call of a kernel: its arguments as the CPU's kernel takes them, its results as the caller
/// expects them.
class KernelCall {
 public:
  KernelCall(const c10::OperatorHandle& op, torch::jit::Stack& stack) : op_(op), stack_(stack) {}

  void run() {
    const auto& schema = op_.schema();
    arguments_ = torch::jit::pop(stack_, schema.arguments().size());
    if (makes_host_wait(schema.name(), arguments_)) host_waits(schema.name());
    for (std::size_t i = 0; i < arguments_.size(); ++i) {
      const bool out = schema.arguments()[i].is_out();
      stack_.push_back(out ? out_argument(arguments_[i].toTensor()) : translated(arguments_[i]));
    }
    op_.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), &stack_);
    auto results = torch::jit::pop(stack_, schema.returns().size());
    for (auto& result : results) stack_.push_back(returned(result));
    for (const auto& [original, result] : outs_) {
      if (original.sizes() != result.sizes()) resize_on_device(original, result.sizes(), {});
      for_kernel(original).copy_(result);
    }
  }

 private:
  c10::IValue translated(const c10::IValue& value) {
    if (value.isTensor()) return tensor_argument(value.toTensor());
    if (value.isDevice()) return c10::IValue(c10::Device(c10::kCPU));
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& x : value.toTensorVector()) list.push_back(tensor_argument(x));
      return list;
    }
    if (value.isList() &&
        value.type()->isSubtypeOf(*c10::ListType::create(c10::OptionalType::ofTensor()))) {
      c10::List<c10::optional<at::Tensor>> list;
      for (const c10::IValue& x : value.toListRef()) {
        list.push_back(x.isNone() ? c10::optional<at::Tensor>()
                                  : c10::optional<at::Tensor>(tensor_argument(x.toTensor())));
      }
      return list;
    }
    return value;
  }

  at::Tensor tensor_argument(const at::Tensor& x) {
    if (!x.defined()) return x;
    if (!x.device().is_cuda()) {
      TORCH_CHECK(x.dim() == 0, op_.schema().name(),
                  ": expected all tensors to be on the same device, but found a tensor on the CPU "
                  "of sizes ",
                  x.sizes());
      return x;
    }
    passed_.emplace_back(x, for_kernel(x));
    return passed_.back().second;
  }

  /// Where the kernel puts its result, of whatever size that is.
  at::Tensor out_argument(const at::Tensor& x) {
    outs_.emplace_back(x, at::empty({0}, x.options().device(c10::kCPU)));
    passed_.push_back(outs_.back());
    return outs_.back().second;
  }

  c10::IValue returned(const c10::IValue& value) {
    if (value.isTensor()) return tensor_result(value.toTensor());
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& x : value.toTensorVector()) list.push_back(tensor_result(x));
      return list;
    }
    return value;
  }

  at::Tensor tensor_result(const at::Tensor& x) {
    if (!x.defined()) return x;
    for (const auto& [original, alias] : passed_) {
      if (x.is_same(alias)) return original;
      TORCH_CHECK(x.numel() == 0 || !x.is_alias_of(alias), op_.schema().name(),
                  ": a view that the emulated device does not know");
    }
    return on_device(x);
  }

  const c10::OperatorHandle& op_;
  torch::jit::Stack& stack_;
  std::vector<c10::IValue> arguments_;
  std::vector<std::pair<at::Tensor, at::Tensor>> passed_;  // on the device, as the kernel sees it
  std::vector<std::pair<at::Tensor, at::Tensor>> outs_;    // of those, the ones it writes anew
};

void run_kernel(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  KernelCall(op, *stack).run();
}

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

at::Tensor empty_like_options(at::IntArrayRef sizes, c10::optional<at::ScalarType> type,
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
  m.impl("empty.memory_format", &empty_like_options);
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

namespace at {
C10_REGISTER_CLASS(CUDAHooksRegistry, CUDAHooks, Hooks)
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
