// Products of rounded weights against autocast's own, and their gradients against double precision.
#include "models/rounded_product.h"

#include "catch.h"
#include "kernels/product_to_fp32.h"
#include "models/dense.h"
#include "models/joined_linear.h"
#include "tensor/device.h"

namespace reaugkd::models {
namespace {

torch::Tensor rounded(const torch::Tensor& x) {
  return x.detach().to(torch::kBFloat16).to(torch::kFloat64);
}

/// The largest difference, in parts of the largest value.
double off(const torch::Tensor& x, const torch::Tensor& exact) {
  return ((x.to(torch::kFloat64) - exact).abs().max() / exact.abs().max()).item<double>();
}

struct Layers {
  Layers() {
    torch::manual_seed(5);
    for (const std::int64_t out : {24, 24, 8}) parts.emplace_back(16, out);
    x = torch::randn({3, 7, 16}).requires_grad_();
    slopes = torch::randn({3, 7, 56}).to(torch::kBFloat16);
  }
  std::vector<Dense> parts;
  torch::Tensor x, slopes;
};

TEST_CASE("under autocast a layer gives what autocast's own product gives", "[rounded]") {
  Layers layers;
  auto& dense = layers.parts[0];
  const tensor::AutocastGuard autocast(torch::kCPU, tensor::Precision::kBf16);
  const torch::NoGradGuard no_grad;
  CHECK(torch::equal(dense(layers.x), torch::linear(layers.x, dense->weight, dense->bias)));
  CHECK(torch::equal(dense->product(layers.x), torch::linear(layers.x, dense->weight)));
}

TEST_CASE("gradients of layers side by side are those of double precision", "[rounded]") {
  Layers layers;
  layers.x = layers.x.detach().to(GENERATE(torch::kFloat32, torch::kBFloat16)).requires_grad_();
  JoinedLinear joined;
  {
    const tensor::AutocastGuard autocast(torch::kCPU, tensor::Precision::kBf16);
    const auto y = joined(layers.parts, layers.x);
    REQUIRE(y.scalar_type() == torch::kBFloat16);
    y.backward(layers.slopes);
  }
  const auto x = rounded(layers.x).view({-1, 16});
  const auto dy = layers.slopes.to(torch::kFloat64).view({-1, 56}).split_with_sizes({24, 24, 8}, 1);
  auto of_x = torch::zeros({21, 16}, torch::kFloat64);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& part = layers.parts[i];
    // No more than sums in fp32 differ where they are not rounded, half a unit of bf16 elsewhere.
    const auto rounding = kernels::has_product_to_fp32() ? 1e-6 : 1.0 / 256;
    CHECK(off(part->weight.grad(), dy[i].t().mm(x)) < rounding);
    CHECK(part->weight.grad().scalar_type() == torch::kFloat32);
    CHECK(off(part->bias.grad(), dy[i].sum(0)) < 1.0 / 256);
    of_x += dy[i].mm(rounded(part->weight));
  }
  CHECK(layers.x.grad().scalar_type() == layers.x.scalar_type());
  const bool in_fp32 = kernels::has_product_to_fp32() && layers.x.scalar_type() == torch::kFloat32;
  CHECK(off(layers.x.grad().view({-1, 16}), of_x) < (in_fp32 ? 1e-6 : 1.0 / 256));
}

TEST_CASE("states in any layout have the gradients of a copy in order", "[rounded]") {
  Layers layers;
  auto& dense = layers.parts[0];
  const tensor::AutocastGuard autocast(torch::kCPU, tensor::Precision::kBf16);
  const auto gradient = [&](const torch::Tensor& x) {
    dense->zero_grad();
    dense(x).sin().sum().backward();
    return dense->weight.grad().clone();
  };
  const auto wide = torch::randn({6, 32}).to(torch::kBFloat16);
  for (const auto& x :
       {wide.slice(1, 0, 16), wide.slice(1, 16, 32), wide.t().slice(0, 0, 16).t()}) {
    CHECK(torch::equal(gradient(x), gradient(x.contiguous())));
  }
  CHECK(gradient(wide.slice(0, 0, 0).slice(1, 0, 16)).eq(0).all().item<bool>());
}

TEST_CASE("what is not trained gets no gradient", "[rounded]") {
  Layers layers;
  auto& dense = layers.parts[0];
  dense->weight.requires_grad_(false);
  const tensor::AutocastGuard autocast(torch::kCPU, tensor::Precision::kBf16);
  dense(layers.x.detach()).sum().backward();
  CHECK(!dense->weight.grad().defined());
  CHECK(dense->bias.grad().defined());
}

TEST_CASE("a weight that changed is rounded anew, and a way back reads what its forward read",
          "[rounded]") {
  Layers layers;
  auto& dense = layers.parts[0];
  const tensor::AutocastGuard autocast(torch::kCPU, tensor::Precision::kBf16);
  const auto y = dense->product(layers.x);
  const auto before = rounded(dense->weight);
  {
    const torch::NoGradGuard no_grad;
    dense->weight.mul_(-2);
  }
  if (GENERATE(false, true)) {
    CHECK(dense->round_weights());
    CHECK_FALSE(dense->round_weights());
  }
  CHECK(torch::equal(dense->product(layers.x).detach(), -2 * y.detach()));
  y.backward(torch::ones_like(y));
  const auto of_x = torch::ones({21, 24}, torch::kFloat64).mm(before);
  CHECK(off(layers.x.grad().view({-1, 16}), of_x) < 1.0 / 256);
}

}  // namespace
}  // namespace reaugkd::models
