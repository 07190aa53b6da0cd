#include "kernels/inner_product.h"

#include <cmath>

#include "catch.h"
#include "retrieval/embeddings.h"

namespace reaugkd::kernels {
namespace {

TEST_CASE("the inner product of any length is that of double precision") {
  const auto values = tests::normal(2, 1025, 7);
  const float* a = values.data_ptr<float>();
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

}  // namespace
}  // namespace reaugkd::kernels
