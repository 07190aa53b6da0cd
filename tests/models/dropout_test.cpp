// Dropout's counter-based masks: rate, scale, independence of neighbors and calls, the way back,
// and no dependence on threads.
#include "models/dropout.h"

#include <cmath>

#include "catch.h"

namespace reaugkd::models {
namespace {

constexpr std::int64_t kSize = 1 << 20;

torch::Tensor kept(double p) {
  return models::dropout(torch::ones({kSize}), p, true).ne(0).to(torch::kFloat64);
}

/// Correlation of two 0/1 vectors; about 1 / sqrt(n) = 0.001 if independent.
double correlation(const torch::Tensor& a, const torch::Tensor& b) {
  const auto x = a - a.mean();
  const auto y = b - b.mean();
  return ((x * y).mean() / (x.square().mean() * y.square().mean()).sqrt()).item<double>();
}

TEST_CASE("dropout keeps 1 - p of the values and scales them", "[dropout]") {
  torch::manual_seed(1);
  for (const double p : {0.1, 0.5, 0.9}) {
    CHECK(kept(p).mean().item<double>() ==
          Approx(1 - p).margin(5 * std::sqrt(p * (1 - p) / kSize)));
  }
  const auto y = models::dropout(torch::full({kSize}, 2.0F), 0.2, true);
  CHECK(y.max().item<float>() == Approx(2.5));
  CHECK(torch::equal(models::dropout(y, 0.5, false), y));
  CHECK(torch::equal(models::dropout(y, 0, true), y));
}

TEST_CASE("masks of neighbors and of calls are independent", "[dropout]") {
  torch::manual_seed(2);
  const auto first = kept(0.3);
  const auto second = kept(0.3);
  CHECK(std::abs(correlation(first, second)) < 0.005);
  for (const std::int64_t lag : {1, 2, 16, 64, 128, 256, 4096, 65536}) {
    INFO("lag " << lag);
    CHECK(std::abs(correlation(first.slice(0, 0, kSize - lag), first.slice(0, lag))) < 0.005);
  }
  // Runs of eight: as many that are all kept as 0.7^8 says.
  const double all = first.view({-1, 8}).prod(1).mean().item<double>();
  CHECK(all == Approx(std::pow(0.7, 8)).epsilon(0.05));
}

TEST_CASE("the seed repeats a mask, with any number of threads", "[dropout]") {
  const int before = at::get_num_threads();
  const auto masked = [](int threads) {
    at::set_num_threads(threads);
    torch::manual_seed(3);
    return kept(0.1);
  };
  CHECK(torch::equal(masked(1), masked(2)));
  at::set_num_threads(before);
}

TEST_CASE("gradients pass where values did", "[dropout]") {
  const auto dtype = GENERATE(torch::kFloat32, torch::kBFloat16);
  torch::manual_seed(4);
  auto x = torch::ones({300, 70}, dtype).requires_grad_(true);
  const auto y = models::dropout(x.transpose(0, 1), 0.25, true);  // not contiguous
  y.sum().backward();
  CHECK(y.dtype() == x.dtype());
  CHECK(torch::equal(x.grad(), y.detach().transpose(0, 1)));
  CHECK(y.detach().to(torch::kFloat32).max().item<float>() == Approx(1 / 0.75).epsilon(4e-3));
}

}  // namespace
}  // namespace reaugkd::models
