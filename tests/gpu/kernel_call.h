// The CPU's kernels over the emulated device's memory, and the count of what makes the host wait.
// Used by emulated_cuda.cpp alone.
#pragma once

#include <ATen/EmptyTensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include <set>
#include <string>
#include <utility>

#include "device_memory.h"

namespace emulated_cuda {

inline std::mutex waits_mutex;
inline std::map<std::string, int> waits;

inline void host_waits(const std::string& what) {
  const std::lock_guard<std::mutex> lock(waits_mutex);
  ++waits[what];
}

/// A CPU tensor over the same memory, for a kernel.
inline at::Tensor for_kernel(const at::Tensor& x) {
  if (!x.defined() || !x.device().is_cuda()) return x;
  auto* const data = x.numel() == 0 ? nullptr : DeviceMemory::get().for_kernels(x.data_ptr());
  return at::from_blob(data, x.sizes(), x.strides(), x.options().device(c10::kCPU));
}

inline at::Tensor empty(at::IntArrayRef sizes, at::ScalarType type,
                        c10::optional<at::MemoryFormat> format = {}) {
  return at::detail::empty_generic(sizes, &DeviceMemory::get(),
                                   c10::DispatchKeySet(c10::DispatchKey::CUDA), type, format);
}

inline at::Tensor on_device(const at::Tensor& x) {
  const auto result = at::Tensor(at::detail::empty_strided_generic(
      x.sizes(), x.strides(), &DeviceMemory::get(), c10::DispatchKeySet(c10::DispatchKey::CUDA),
      x.scalar_type()));
  for_kernel(result).copy_(x);
  return result;
}

inline const at::Tensor& resize_on_device(const at::Tensor& x, at::IntArrayRef sizes,
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
inline bool makes_host_wait(const std::string& name, const std::vector<c10::IValue>& arguments) {
  static const std::set<std::string> known = {
      "aten::nonzero",           "aten::masked_select", "aten::equal",
      "aten::_unique2",          "aten::unique_dim",    "aten::unique_consecutive",
      "aten::repeat_interleave", "aten::bincount"};
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

inline void run_kernel(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  KernelCall(op, *stack).run();
}

}  // namespace emulated_cuda
