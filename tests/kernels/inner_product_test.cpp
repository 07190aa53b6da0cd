#include "kernels/inner_product.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "catch.h"

namespace reaugkd::kernels {
namespace {

TEST_CASE("the inner product of any length is that of double precision") {
  std::mt19937 generator(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(2 * 1025);
  for (float& value : values) value = normal(generator);
  const float* a = values.data();
  const float* b = a + 1025;
  for (std::int64_t n = 0; n <= 1025; n += n < 200 ? 1 : 165) {
    double expected = 0;
    double magnitude = 1;
    for (std::int64_t i = 0; i < n; ++i) {
      expected += static_cast<double>(a[i]) * b[i];
      magnitude += std::abs(static_cast<double>(a[i]) * b[i]);
    }
    CHECK(std::abs(inner_product(a, b, n) - expected) <= 1e-6 * magnitude);
    if (n > 0) CHECK(inner_product(b, b, n) > 0);
  }
}

TEST_CASE("a value that is not finite is seen at every place") {
  std::vector<float> values(67, 3.0e38F);
  CHECK(all_finite(values.data(), std::ssize(values)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (const float wrong : {std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity(), std::nanf("")}) {
      auto changed = values;
      changed[i] = wrong;
      CHECK_FALSE(all_finite(changed.data(), std::ssize(changed)));
    }
  }
}

}  // namespace
}  // namespace reaugkd::kernels
