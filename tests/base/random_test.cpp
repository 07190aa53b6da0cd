#include "base/random.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "catch.h"

namespace base = reaugkd::base;

TEST_CASE("SplitMix64 equals its published sequence", "[random]") {
  base::Random random(1234567);
  CHECK(random.next() == 6457827717110365317ULL);
  CHECK(random.next() == 3203168211198807973ULL);
  CHECK(random.next() == 9817491932198370423ULL);
}

TEST_CASE("streams are independent of one another and of order", "[random]") {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (const char* stream : {"shuffle", "dropout", "init"}) {
      for (std::uint64_t counter = 0; counter < 10; ++counter) {
        seen.insert(base::stream_seed(seed, stream, counter));
      }
    }
  }
  CHECK(seen.size() == 300);
  CHECK(base::stream_seed(7, "shuffle", 3) == base::stream_seed(7, "shuffle", 3));
}

TEST_CASE("below covers its range, shuffle permutes", "[random]") {
  base::Random random(5);
  std::vector<int> counts(6, 0);
  for (int i = 0; i < 60000; ++i) ++counts[random.below(6)];
  for (const int count : counts) CHECK(std::abs(count - 10000) < 500);  // 5 standard deviations
  std::vector<int> values(100);
  std::iota(values.begin(), values.end(), 0);
  auto shuffled = values;
  random.shuffle(shuffled);
  CHECK(shuffled != values);
  std::sort(shuffled.begin(), shuffled.end());
  CHECK(shuffled == values);
}
TEST_CASE("distinct draws each value equally often, none twice, in order", "[random]") {
  base::Random random(6);
  std::vector<int> counts(10, 0);
  for (int i = 0; i < 20000; ++i) {
    const auto drawn = random.distinct(10, 3);
    REQUIRE(drawn.size() == 3);
    CHECK((drawn[0] < drawn[1] && drawn[1] < drawn[2]));
    for (const auto value : drawn) ++counts.at(static_cast<std::size_t>(value));
  }
  for (const int count : counts) CHECK(std::abs(count - 6000) < 330);  // 5 standard deviations
  CHECK(random.distinct(4, 4) == std::vector<std::int64_t>{0, 1, 2, 3});
  CHECK(random.distinct(4, 0).empty());
}
