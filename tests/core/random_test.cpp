#include "core/random.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "catch.h"

namespace core = reaugkd::core;

TEST_CASE("SplitMix64 equals its published sequence", "[random]") {
  core::Random random(1234567);
  CHECK(random.next() == 6457827717110365317ULL);
  CHECK(random.next() == 3203168211198807973ULL);
  CHECK(random.next() == 9817491932198370423ULL);
}

TEST_CASE("streams are independent of one another and of order", "[random]") {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (const char* stream : {"shuffle", "dropout", "init"}) {
      for (std::uint64_t counter = 0; counter < 10; ++counter) {
        seen.insert(core::stream_seed(seed, stream, counter));
      }
    }
  }
  CHECK(seen.size() == 300);
  CHECK(core::stream_seed(7, "shuffle", 3) == core::stream_seed(7, "shuffle", 3));
}

TEST_CASE("below and uniform cover their range, shuffle permutes", "[random]") {
  core::Random random(5);
  std::vector<int> counts(6, 0);
  for (int i = 0; i < 60000; ++i) ++counts[random.below(6)];
  for (const int count : counts) CHECK(std::abs(count - 10000) < 500);  // 5 standard deviations
  for (int i = 0; i < 1000; ++i) {
    const double value = random.uniform();
    CHECK((value >= 0 && value < 1));
  }
  std::vector<int> values(100);
  std::iota(values.begin(), values.end(), 0);
  auto shuffled = values;
  random.shuffle(shuffled);
  CHECK(shuffled != values);
  std::sort(shuffled.begin(), shuffled.end());
  CHECK(shuffled == values);
}
