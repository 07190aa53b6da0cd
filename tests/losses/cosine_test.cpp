// The cosine term against hand-computed values, and finite differences in double.
#include "losses/cosine.h"

#include "catch.h"

namespace reaugkd::losses {
namespace {

TEST_CASE("the cosine term equals hand-computed values", "[cosine]") {
  const auto z = torch::tensor({{1.0, 0.0}, {0.6, 0.8}}, torch::kFloat64);
  CHECK(cosine_distance(z, z).item<double>() == Approx(0).margin(1e-12));
  CHECK(cosine_distance(z, -z).item<double>() == Approx(2));
  // z_1.s_1 = 0, z_2.s_2 = 0.48 + 0.48: the mean of 1 and 0.04.
  const auto s = torch::tensor({{0.0, 1.0}, {0.8, 0.6}}, torch::kFloat64);
  CHECK(cosine_distance(z, s).item<double>() == Approx(0.52));
}

TEST_CASE("the cosine term's gradient reaches s alone and is right", "[cosine]") {
  torch::manual_seed(1);
  auto z = torch::randn({5, 4}, torch::kFloat64);
  z = (z / z.norm(2, 1, true)).requires_grad_(true);
  const auto raw = torch::randn({5, 4}, torch::kFloat64);
  const auto loss = [&](const torch::Tensor& x) {
    return cosine_distance(z, x / x.norm(2, 1, true));
  };
  auto x = raw.clone().requires_grad_(true);
  loss(x).backward();
  CHECK_FALSE(z.grad().defined());
  constexpr double kStep = 1e-6;
  for (std::int64_t i = 0; i < raw.numel(); ++i) {
    auto above = raw.clone(), below = raw.clone();
    above.view(-1)[i] += kStep;
    below.view(-1)[i] -= kStep;
    const double slope = (loss(above) - loss(below)).item<double>() / (2 * kStep);
    CHECK(x.grad().view(-1)[i].item<double>() == Approx(slope).margin(1e-8));
  }
}

}  // namespace
}  // namespace reaugkd::losses
