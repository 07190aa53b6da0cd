// The memory of the emulated device, and the pinned memory of the host beside it. Used by
// emulated_cuda.cpp alone.
#pragma once

#include <c10/core/Allocator.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "tensor/device.h"

namespace emulated_cuda {

inline const c10::Device kGpu(c10::kCUDA, 0);

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

}  // namespace emulated_cuda
