#include "base/random.h"

#include <algorithm>
#include <unordered_set>

#include "base/error.h"

namespace reaugkd::base {

std::uint64_t Random::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::uint64_t Random::below(std::uint64_t bound) {
  const std::uint64_t reject = (0 - bound) % bound;  // 2^64 mod bound
  std::uint64_t value = next();
  while (value < reject) value = next();
  return value % bound;
}

std::vector<std::int64_t> Random::distinct(std::int64_t n, std::int64_t count) {
  REAUGKD_CHECK(count >= 0 && count <= n, "{} of {}", count, n);
  std::unordered_set<std::int64_t> drawn;  // Floyd's algorithm (Bentley, CACM 1987)
  for (std::int64_t i = n - count; i < n; ++i) {
    const auto value = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(i) + 1));
    drawn.insert(drawn.contains(value) ? i : value);
  }
  std::vector<std::int64_t> values(drawn.begin(), drawn.end());
  std::sort(values.begin(), values.end());
  return values;
}

std::uint64_t stream_seed(std::uint64_t seed, std::string_view stream, std::uint64_t counter) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a of the stream's name
  for (const char c : stream) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  Random mix(Random(seed ^ hash).next() ^ (counter * 0xd1342543de82ef95ULL));
  return mix.next();
}

}  // namespace reaugkd::base
