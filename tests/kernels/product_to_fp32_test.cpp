#include "kernels/product_to_fp32.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "catch.h"

namespace reaugkd::kernels {
namespace {

/// Values that bf16 holds, as its bits.
std::vector<std::uint16_t> draws(std::int64_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<std::uint16_t> bits(static_cast<std::size_t>(n));
  for (auto& value : bits) {
    value = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(normal(generator)) >> 16);
  }
  return bits;
}

double value_of(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

TEST_CASE("a product of bf16 matrices is that of double precision, not rounded to bf16") {
  if (!has_product_to_fp32()) {
    WARN("SKIP: this build or this processor has no such products");
    return;
  }
  const bool transposed = GENERATE(false, true);
  for (const std::int64_t k : {1, 17, 64, 300}) {
    for (const auto& [m, n] : {std::pair<std::int64_t, std::int64_t>{48, 33}, {1, 130}, {5, 1}}) {
      const auto a = draws(m * k, 1);
      const auto b = draws(k * n, 2);
      std::vector<float> c(static_cast<std::size_t>(m * n), 1e9F);
      product_to_fp32(transposed, m, n, k, a.data(), b.data(), c.data());
      double worst = 0;
      for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          double exact = 0, magnitude = 0;
          for (std::int64_t l = 0; l < k; ++l) {
            const double term =
                value_of(a[static_cast<std::size_t>(transposed ? l * m + i : i * k + l)]) *
                value_of(b[static_cast<std::size_t>(l * n + j)]);
            exact += term;
            magnitude += std::abs(term);
          }
          const double off = c[static_cast<std::size_t>(i * n + j)] - exact;
          worst = std::max(worst, std::abs(off) / magnitude);
        }
      }
      CHECK(worst < 1e-6);
    }
  }
}

}  // namespace
}  // namespace reaugkd::kernels
