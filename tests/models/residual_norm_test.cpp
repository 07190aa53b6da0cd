// Our one pass for LayerNorm(dropout(dense(x)) + residual), and GELU with a bias, against
// LibTorch's operators one by one.
#include "models/residual_norm.h"

#include "catch.h"
#include "models/activation.h"
#include "models/dropout.h"
#include "tensor/device.h"

namespace reaugkd::models {
namespace {

using Tensors = std::vector<torch::Tensor>;

void check_equal(const Tensors& ours, const Tensors& expected, double tolerance) {
  REQUIRE(ours.size() == expected.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    INFO("tensor " << i);
    CHECK(torch::allclose(ours[i], expected[i], tolerance, tolerance));
  }
}

TEST_CASE("a residual's norm and its gradients are those of the steps one by one", "[residual]") {
  const double p = GENERATE(0.0, 0.3);
  const std::int64_t rows = GENERATE(3, 150);    // one part of the sums, and three
  const std::int64_t width = GENERATE(24, 133);  // 133: a rest beside whole vectors
  torch::manual_seed(1);
  reaugkd::models::Dense dense(40, width);
  torch::nn::LayerNorm norm(torch::nn::LayerNormOptions({width}).eps(1e-12));
  {
    const torch::NoGradGuard no_grad;
    norm->weight.normal_();
    norm->bias.normal_();
  }
  const auto x = torch::randn({rows, 40}).requires_grad_();
  const auto residual = torch::randn({rows, width}).requires_grad_();
  const Tensors wanted = {x, residual, dense->weight, dense->bias, norm->weight, norm->bias};
  const auto upstream = torch::randn({rows, width});
  torch::manual_seed(2);
  const auto ours = residual_norm(dense, norm, x, residual, p, true);
  torch::manual_seed(2);
  const auto expected = norm(models::dropout(dense(x), p, true) + residual);
  CHECK(torch::allclose(ours, expected, 1e-5, 1e-5));
  check_equal(torch::autograd::grad({ours}, wanted, {upstream}),
              torch::autograd::grad({expected}, wanted, {upstream}), 2e-4);
}

TEST_CASE("a residual's norm does not depend on threads", "[residual]") {
  torch::manual_seed(3);
  reaugkd::models::Dense dense(64, 96);
  torch::nn::LayerNorm norm(torch::nn::LayerNormOptions({96}));
  const auto x = torch::randn({700, 64});
  const auto residual = torch::randn({700, 96});
  const auto gradients = [&](int threads) {
    at::set_num_threads(threads);
    torch::manual_seed(4);
    const auto y = residual_norm(dense, norm, x, residual, 0.1, true);
    return torch::autograd::grad({y.square().sum()}, {dense->bias, norm->weight, norm->bias});
  };
  const int before = at::get_num_threads();
  const auto one = gradients(1);
  const auto two = gradients(2);
  at::set_num_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(torch::equal(one[i], two[i]));
}

TEST_CASE("under autocast a residual's norm stays near fp32", "[residual]") {
  torch::manual_seed(5);
  reaugkd::models::Dense dense(64, 96);
  torch::nn::LayerNorm norm(torch::nn::LayerNormOptions({96}));
  const auto x = torch::randn({30, 64});
  const auto residual = torch::randn({30, 96});
  const auto exact = residual_norm(dense, norm, x, residual, 0, false);
  const tensor::AutocastGuard autocast(torch::kCPU, tensor::Precision::kBf16);
  const auto y = residual_norm(dense, norm, x, residual, 0, false);
  CHECK(y.scalar_type() == torch::kFloat32);
  CHECK_FALSE(torch::equal(y, exact));
  CHECK(torch::allclose(y, exact, 0, 0.02));
  const auto gradient = torch::autograd::grad({y.square().sum()}, {dense->weight, dense->bias});
  CHECK(gradient[0].scalar_type() == torch::kFloat32);
}

TEST_CASE("GELU takes a bias with it", "[gelu]") {
  const std::int64_t rows = GENERATE(2, 200);
  torch::manual_seed(6);
  reaugkd::models::Dense dense(32, 75);
  const auto x = torch::randn({rows, 32}).requires_grad_();
  const Tensors wanted = {x, dense->weight, dense->bias};
  const auto upstream = torch::randn({rows, 75});
  const auto ours = activated(dense, x, Activation::kGelu);
  const auto expected = at::gelu(dense(x), "none");
  CHECK(torch::allclose(ours, expected, 1e-5, 1e-6));
  check_equal(torch::autograd::grad({ours}, wanted, {upstream}),
              torch::autograd::grad({expected}, wanted, {upstream}), 1e-4);
}

}  // namespace
}  // namespace reaugkd::models
