// Memory for the rows of files that may be larger than memory: values are added once, stay where
// they are, and are shared by every copy. Used by text_column.h and by text/encoded_dataset.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace reaugkd::base {

/// How many bytes all blocks of the process together keep in ordinary memory.
inline constexpr std::size_t kBlocksInMemory = std::size_t{256} << 20;

/// `size` bytes, not initialised. Where all blocks would take more than the limit, those of 1 MiB
/// and more are pages of a file without a name in TMPDIR (/tmp), which the system writes out and
/// drops as it needs memory. Throws IoError where that file cannot have so many bytes.
std::shared_ptr<std::byte> make_block(std::size_t size);

/// Other limits, for tests. While it lives, all blocks together keep so many bytes in ordinary
/// memory, and smaller blocks than `smallest` are always there.
class BlockLimitsGuard {
 public:
  BlockLimitsGuard(std::size_t in_memory_limit, std::size_t smallest);
  ~BlockLimitsGuard();
  BlockLimitsGuard(const BlockLimitsGuard&) = delete;
  BlockLimitsGuard& operator=(const BlockLimitsGuard&) = delete;
};

/// Runs of T in blocks, each of 64 KiB to 64 MiB or as long as one run is.
template <typename T>
class Blocks {
 public:
  Blocks() = default;
  // A copy shares what is there; what either of them adds is its own.
  Blocks(const Blocks& other) : blocks_(other.blocks_) {}
  Blocks& operator=(const Blocks& other) {
    if (this != &other) *this = Blocks(other);
    return *this;
  }
  Blocks(Blocks&& other) noexcept
      : blocks_(std::move(other.blocks_)),
        free_(std::exchange(other.free_, {})),
        size_(std::exchange(other.size_, 0)) {}
  Blocks& operator=(Blocks&& other) noexcept {
    blocks_ = std::move(other.blocks_);
    free_ = std::exchange(other.free_, {});
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  ~Blocks() = default;

  /// A copy of `values` that lives as long as this or a copy of this does.
  std::span<const T> add(std::span<const T> values) {
    if (values.size() > free_.size()) add_block(values.size());
    std::copy(values.begin(), values.end(), free_.begin());
    const std::span<const T> place = free_.first(values.size());
    free_ = free_.subspan(values.size());
    size_ += values.size();
    return place;
  }

  /// Keeps alive what `other` has added so far, too.
  void share(const Blocks& other) {
    for (const auto& block : other.blocks_) {
      if (std::find(blocks_.begin(), blocks_.end(), block) == blocks_.end()) {
        blocks_.push_back(block);
      }
    }
  }

 private:
  void add_block(std::size_t count) {
    constexpr std::size_t kSmallest = (std::size_t{64} << 10) / sizeof(T);
    constexpr std::size_t kLargest = (std::size_t{64} << 20) / sizeof(T);
    count = std::max(count, std::clamp(size_, kSmallest, kLargest));
    blocks_.push_back(make_block(count * sizeof(T)));
    free_ = {reinterpret_cast<T*>(blocks_.back().get()), count};
  }

  std::vector<std::shared_ptr<std::byte>> blocks_;
  std::span<T> free_;     // of the last block that was added here
  std::size_t size_ = 0;  // values added here
};

}  // namespace reaugkd::base
