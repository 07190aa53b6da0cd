// One --seed, split into named streams, so that a new consumer of random numbers does not shift the
// others. Used wherever something is shuffled, drawn or initialised.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace reaugkd::base {

/// A seed that depends on (seed, stream, counter) only; equal on every platform.
std::uint64_t stream_seed(std::uint64_t seed, std::string_view stream, std::uint64_t counter = 0);

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): small, seedable, the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// Uniform in [0, bound), bound > 0, without modulo bias.
  std::uint64_t below(std::uint64_t bound);
  /// `count` of 0 .. n-1, each once, ascending; count <= n. Costs count, not n.
  std::vector<std::int64_t> distinct(std::int64_t n, std::int64_t count);

  /// Fisher-Yates; std::shuffle differs between standard libraries.
  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[static_cast<std::size_t>(below(i))]);
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace reaugkd::base
