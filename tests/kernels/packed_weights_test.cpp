#include "kernels/packed_weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "catch.h"
#include "kernels/int8.h"

namespace reaugkd::kernels {
namespace {

std::vector<float> draws(std::int64_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& value : values) value = normal(generator);
  return values;
}

/// x W^T in double precision, and the sum of the terms' magnitudes.
struct Exact {
  double value = 0, magnitude = 0;
  Exact(std::int64_t k, const float* x, const float* w) {
    for (std::int64_t i = 0; i < k; ++i) {
      const double term = static_cast<double>(x[i]) * w[i];
      value += term;
      magnitude += std::abs(term);
    }
  }
};

TEST_CASE("a layer's product is that of double precision, however many rows") {
  if (!can_pack(Format::kFp32)) {
    WARN("SKIP: this build or this processor has no such products");
    return;
  }
  for (const auto& [n, k] : {std::pair<std::int64_t, std::int64_t>{48, 33}, {7, 130}}) {
    const auto w = draws(n * k, 1);
    const PackedWeights packed(Format::kFp32, n, k, w.data());
    for (const std::int64_t m : {1, 2, 13, 63, 64, 65, 150, 300}) {
      const auto x = draws(m * k, 2);
      std::vector<float> y(static_cast<std::size_t>(m * n), 1e9F);
      if (m < 300) {
        packed.product(m, x.data(), y.data());
      } else {
        product_of_rows(m, n, k, x.data(), w.data(), y.data());
      }
      double worst = 0;
      for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          const Exact exact(k, x.data() + i * k, w.data() + j * k);
          const double off = y[static_cast<std::size_t>(i * n + j)] - exact.value;
          worst = std::max(worst, std::abs(off) / exact.magnitude);
        }
      }
      CHECK(worst < 1e-6);
    }
  }
}

TEST_CASE("rows are rounded to the nearest of 255 whole numbers") {
  const std::vector<float> x = {-127, 126.4F, 0.5F, 1.5F, 0, -3.6F,  // factor 1, halves to even
                                0,    0,      0,    0,    0, 0,      // nothing to round
                                -2,   1,      2,    0.5F, 0, 1e-9F};
  std::vector<std::int8_t> rounded(x.size(), 99);
  std::vector<float> scales(3);
  round_to_int8(3, 6, x.data(), rounded.data(), scales.data());
  CHECK(rounded == std::vector<std::int8_t>{-127, 126, 0, 2, 0, -4, 0, 0, 0, 0, 0, 0, -127, 64, 127,
                                            32, 0, 0});
  CHECK(scales == std::vector<float>{1, 0, 2.0F / 127});
}

TEST_CASE("a row with a value that is not finite stays one") {
  for (const float wrong : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    std::vector<float> x(40, 1);
    x[33] = wrong;
    std::vector<std::int8_t> rounded(x.size());
    float scale = 0;
    round_to_int8(1, std::ssize(x), x.data(), rounded.data(), &scale);
    CHECK_FALSE(std::isfinite(scale));
  }
}

TEST_CASE("an 8-bit product is the product of what was rounded") {
  if (!can_pack(Format::kInt8)) {
    WARN("SKIP: this build or this processor has no such products");
    return;
  }
  for (const auto& [n, k] : {std::pair<std::int64_t, std::int64_t>{48, 33}, {64, 256}, {7, 130}}) {
    const auto w = draws(n * k, 3);
    const PackedWeights weights(Format::kInt8, n, k, w.data());
    std::vector<std::int8_t> of_w(w.size());
    std::vector<float> w_scales(static_cast<std::size_t>(n));
    round_to_int8(n, k, w.data(), of_w.data(), w_scales.data());
    for (const std::int64_t m : {1, 13, 64, 65, 200}) {
      const auto x = draws(m * k, 4);
      std::vector<std::int8_t> of_x(x.size());
      std::vector<float> x_scales(static_cast<std::size_t>(m));
      round_to_int8(m, k, x.data(), of_x.data(), x_scales.data());
      std::vector<float> y(static_cast<std::size_t>(m * n), 1e9F);
      weights.product(m, x.data(), y.data());
      double worst = 0;
      double error = 0;
      double size = 0;
      for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          std::int64_t sum = 0;
          for (std::int64_t l = 0; l < k; ++l) {
            sum += of_x[static_cast<std::size_t>(i * k + l)] *
                   of_w[static_cast<std::size_t>(j * k + l)];
          }
          const double expected = static_cast<double>(sum) * x_scales[static_cast<std::size_t>(i)] *
                                  w_scales[static_cast<std::size_t>(j)];
          const double got = y[static_cast<std::size_t>(i * n + j)];
          worst = std::max(worst, std::abs(got - expected) / (1e-3 + std::abs(expected)));
          const Exact exact(k, x.data() + i * k, w.data() + j * k);
          error += (got - exact.value) * (got - exact.value);
          size += exact.value * exact.value;
        }
      }
      CHECK(worst < 1e-5);
      CHECK(std::sqrt(error / size) < 0.02);  // of normal numbers, about 0.01
      CHECK(std::sqrt(error / size) > 1e-4);  // it did round
    }
  }
}

}  // namespace
}  // namespace reaugkd::kernels
