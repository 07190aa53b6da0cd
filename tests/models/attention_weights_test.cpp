// Attention's weights in one pass against LibTorch's scale, add, softmax and our dropout one by
// one.
#include "models/attention_weights.h"

#include <cmath>

#include "catch.h"
#include "models/dropout.h"

namespace reaugkd::models {
namespace {

constexpr double kScale = 0.125;

struct Inputs {
  torch::Tensor scores, bias;
};

/// Two texts, of T and T - 3 tokens; 33 x T: rows that end within a vector.
Inputs inputs(std::int64_t tokens) {
  auto bias = torch::zeros({2, 1, 1, tokens});
  bias.slice(0, 1).slice(3, tokens - 3).fill_(-1e9);
  return {4 * torch::randn({2, 3, tokens, tokens}), bias};
}

torch::Tensor one_by_one(const Inputs& in, double p) {
  return models::dropout(torch::softmax(in.scores * kScale + in.bias, -1), p, p > 0);
}

TEST_CASE("values and gradients equal the steps one by one, the same mask included",
          "[attention_weights]") {
  torch::manual_seed(1);
  for (const std::int64_t tokens : {4, 8, 19, 64, 200}) {
    for (const double p : {0.0, 0.1}) {
      INFO("tokens " << tokens << " p " << p);
      auto ours = inputs(tokens);
      Inputs theirs{ours.scores.clone().requires_grad_(), ours.bias};
      ours.scores.requires_grad_();
      const auto upstream = torch::randn_like(ours.scores);
      torch::manual_seed(2);
      const auto weights = models::attention_weights(ours.scores, ours.bias, kScale, p, p > 0);
      torch::manual_seed(2);
      const auto expected = one_by_one(theirs, p);
      CHECK(torch::allclose(weights, expected, 1e-5, 1e-7));
      CHECK(torch::equal(weights == 0, expected == 0));
      (weights * upstream).sum().backward();
      (expected * upstream).sum().backward();
      CHECK(torch::allclose(ours.scores.grad(), theirs.scores.grad(), 1e-4, 1e-7));
    }
  }
}

TEST_CASE("bf16 scores give bf16 weights, computed in fp32", "[attention_weights]") {
  torch::manual_seed(3);
  const auto in = inputs(40);
  const auto scores = in.scores.to(torch::kBFloat16);
  const auto weights = models::attention_weights(scores, in.bias, kScale, 0.1, /*training=*/false);
  REQUIRE(weights.scalar_type() == torch::kBFloat16);
  const auto expected = one_by_one({scores.to(torch::kFloat32), in.bias}, 0);
  CHECK(torch::allclose(weights.to(torch::kFloat32), expected, 1.0 / 256, 1e-9));
}

TEST_CASE("padding changes no bit of a row", "[attention_weights]") {
  torch::manual_seed(4);
  const auto scores = torch::randn({1, 2, 21, 21});
  const auto alone =
      models::attention_weights(scores, torch::zeros({1, 1, 1, 21}), kScale, 0, false);
  auto padded = torch::randn({1, 2, 40, 40});
  padded.slice(2, 0, 21).slice(3, 0, 21).copy_(scores);
  auto bias = torch::zeros({1, 1, 1, 40});
  bias.slice(3, 21).fill_(-1e9);
  const auto weights = models::attention_weights(padded, bias, kScale, 0, false);
  CHECK(torch::equal(weights.slice(2, 0, 21).slice(3, 0, 21), alone));
  CHECK(weights.slice(3, 21).eq(0).all().item<bool>());
}

TEST_CASE("LibTorch's operator gives the weighted values, and their gradients",
          "[.][needs_fused_attention]") {
  torch::manual_seed(4);
  const auto query = torch::randn({2, 3, 7, 5}, torch::kFloat64).requires_grad_();
  const auto key = torch::randn({2, 3, 7, 5}, torch::kFloat64).requires_grad_();
  const auto value = torch::randn({2, 3, 7, 5}, torch::kFloat64).requires_grad_();
  const auto bias = inputs(7).bias;
  CHECK_FALSE(models::has_fused_attention(query.to(torch::kFloat32)));  // the kernels are faster
  if (!models::has_fused_attention(query)) {
    WARN("skipped: this LibTorch has no attention of its own");
    return;
  }
  const auto fused = models::fused_attention(query, key, value, bias, 0.1, /*training=*/false);
  const auto scores = torch::matmul(query, key.transpose(-1, -2));
  const auto weights = models::attention_weights(scores, bias, 1 / std::sqrt(5.0), 0.1, false);
  const auto by_steps = torch::matmul(weights, value);
  CHECK((fused - by_steps).abs().max().item<double>() < 1e-12);
  const auto upstream = torch::randn_like(fused);
  const auto ours = torch::autograd::grad({fused}, {query, key, value}, {upstream});
  const auto theirs = torch::autograd::grad({by_steps}, {query, key, value}, {upstream});
  for (std::size_t i = 0; i < ours.size(); ++i) {
    CHECK((ours[i] - theirs[i]).abs().max().item<double>() < 1e-12);
  }
  const auto kept = models::fused_attention(query, key, value, bias, 0.5, /*training=*/true);
  CHECK((kept - by_steps).abs().max().item<double>() > 0.1);  // it drops
}

}  // namespace
}  // namespace reaugkd::models
