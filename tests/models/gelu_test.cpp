// GELU by our own kernels against the formula in double precision, both ways.
#include "models/gelu.h"

#include <cmath>

#include "catch.h"

namespace reaugkd::models {
namespace {

/// Of x in double: x Phi(x), and Phi(x) + x phi(x).
torch::Tensor expected(const torch::Tensor& x) {
  return 0.5 * x * torch::special::erfc(-x / std::sqrt(2.0));
}
torch::Tensor expected_slope(const torch::Tensor& x) {
  return 0.5 * torch::special::erfc(-x / std::sqrt(2.0)) +
         x * torch::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
}

double largest(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.to(torch::kFloat64) - b).abs().max().item<double>();
}

TEST_CASE("GELU and its slope are exact to fp32's rounding", "[gelu]") {
  // 100,001 values: not a multiple of any vector's length, more than one task.
  auto x = torch::linspace(-20, 20, 100001).requires_grad_();
  const auto y = models::gelu(x);
  const auto exact = x.detach().to(torch::kFloat64);
  CHECK(largest(y, expected(exact)) < 1e-6);  // fp32's spacing at 20 is 1.9e-6
  (2 * y).sum().backward();
  CHECK(largest(x.grad(), 2 * expected_slope(exact)) < 2e-6);
}

TEST_CASE("in bf16 it is the formula rounded once", "[gelu]") {
  auto x = torch::linspace(-8, 8, 4097).to(torch::kBFloat16).requires_grad_();
  const auto y = models::gelu(x);
  REQUIRE(y.scalar_type() == torch::kBFloat16);
  const auto exact = expected(x.detach().to(torch::kFloat64));
  // Half a unit of 8 significant bits; near 0 the fp32 error of Phi.
  CHECK(((y.detach().to(torch::kFloat64) - exact).abs() <= exact.abs() / 256 + 1e-6)
            .all()
            .item<bool>());
}

TEST_CASE("extreme values stay finite, and other layouts are taken", "[gelu]") {
  const auto x = torch::tensor({-1e30F, -100.0F, 0.0F, 100.0F, 1e18F});
  CHECK(torch::equal(models::gelu(x), torch::tensor({0.0F, 0.0F, 0.0F, 100.0F, 1e18F})));
  const auto matrix = torch::randn({6, 10});
  CHECK(torch::equal(models::gelu(matrix.t()), models::gelu(matrix).t()));
  CHECK(models::gelu(torch::randn({3}, torch::kFloat64)).scalar_type() == torch::kFloat64);
}

}  // namespace
}  // namespace reaugkd::models
