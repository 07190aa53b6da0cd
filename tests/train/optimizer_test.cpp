// AdamW and clipping against their definitions by hand, and one layout or number of threads against
// another.
#include "train/optimizer.h"

#include <torch/torch.h>

#include <cmath>
#include <utility>

#include "catch.h"

namespace train = reaugkd::train;

TEST_CASE("gradients are clipped by their global norm", "[optimizer]") {
  auto a = torch::zeros({2}).requires_grad_(true);
  auto b = torch::zeros({1}, torch::kFloat64).requires_grad_(true);  // not by the fp32 pass
  (a * torch::tensor({3.0F, 0.0F})).sum().backward();
  (b * 4).sum().backward();
  const train::AdamW optimizer({{{a}, 1, 0}, {{b}, 1, 0}});
  CHECK(optimizer.gradient_norm().item<double>() == Approx(5));
  CHECK(train::AdamW({{{a}, 1, 0}}).gradient_norm().item<double>() == Approx(3));
  CHECK(train::clip_factor(torch::tensor(5.0), 1).item<double>() == Approx(0.2).epsilon(1e-5));
  CHECK(train::clip_factor(torch::tensor(5.0), 10).item<double>() == 1);
  CHECK(train::clip_factor(torch::tensor(5.0), 0).item<double>() == 1);
}

TEST_CASE("AdamW equals its definition, in one pass and by LibTorch's calls", "[optimizer]") {
  // g = 4, 2, 1 and a half with a scale of 0.5, lr 0.1, decay 0.5, betas 0.9 and 0.999, eps 1e-8.
  const auto dtype = GENERATE(torch::kFloat64, torch::kFloat32);
  const double tolerance = dtype == torch::kFloat64 ? 1e-12 : 1e-6;
  const std::int64_t size = GENERATE(1, 70001);  // more than one chunk, and a rest
  const auto ones = [&](std::int64_t n) { return torch::ones({n}, dtype).requires_grad_(true); };
  auto w = ones(size);
  auto late = ones(size);  // has gradients from the third step on, and its first update is number 1
  auto idle = ones(3);
  train::AdamW optimizer({{{idle, w, late}, 0.1, 0.5}});
  struct Definition {
    double value = 1, m = 0, v = 0;
    int t = 0;
    void update(double g, double factor) {
      ++t;
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      value -= 0.1 * factor * 0.5 * value;
      value -= 0.1 * factor * (m / (1 - std::pow(0.9, t))) /
               (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
    }
  } of_w, of_late;
  for (int step = 1; step <= 4; ++step) {
    const auto version = w._version();
    const double g = 0.5 * std::pow(2, 3 - step);
    const double factor = step == 1 ? 1 : 0.5;
    auto loss = (w * 2 * g).sum();
    if (step > 2) loss = loss + (late * 2 * g).sum();
    loss.backward();
    optimizer.step(factor, torch::tensor(0.5));
    CHECK_FALSE(w.grad().defined());
    CHECK(w._version() > version);  // what was made of it is known to be old
    of_w.update(g, factor);
    if (step > 2) of_late.update(g, factor);
    for (const auto& [parameter, expected] : {std::pair(w, of_w), std::pair(late, of_late)}) {
      CHECK(parameter.min().item<double>() == Approx(expected.value).epsilon(tolerance));
      CHECK(parameter.max().item<double>() == Approx(expected.value).epsilon(tolerance));
    }
    // Interrupted and gone on with, the counts are not lost.
    const auto state = optimizer.state();
    CHECK(torch::equal(state.at("updates"),
                       torch::tensor({0, step, std::max(0, step - 2)}, torch::kInt64)));
    train::AdamW resumed({{{idle, w, late}, 0.1, 0.5}});
    resumed.load_state(state, "here");
    optimizer = std::move(resumed);
  }
  CHECK(torch::equal(idle, torch::ones({3}, dtype)));  // no gradient: no decay either
}

TEST_CASE("AdamW's bytes do not depend on the number of threads", "[optimizer]") {
  const auto trained = [](int threads) {
    at::set_num_threads(threads);
    torch::manual_seed(1);
    auto w = torch::randn({200'003}).requires_grad_(true);
    train::AdamW optimizer({{{w}, 0.1, 0.1}});
    for (int t = 0; t < 3; ++t) {
      w.square().sum().backward();
      optimizer.step(1, train::clip_factor(optimizer.gradient_norm(), 1));
    }
    return w.detach().clone();
  };
  const int before = at::get_num_threads();
  CHECK(torch::equal(trained(1), trained(2)));
  at::set_num_threads(before);
}

TEST_CASE("AdamW's bytes of a sparse gradient are those of a dense one", "[optimizer]") {
  const auto trained = [](bool sparse, bool interrupted) {
    torch::manual_seed(1);
    auto table = torch::randn({500, 24}).requires_grad_(true);
    train::AdamW optimizer({{{table}, 0.1, 0.1}});
    for (std::int64_t t = 0; t < 6; ++t) {
      // Rows once and twice, rows that come back, and 400 that never come.
      const auto ids = torch::tensor({t, t, std::int64_t{7}, 90 - 3 * t}, torch::kInt64);
      torch::embedding(table, ids, -1, false, sparse).square().sum().backward();
      CHECK(table.grad().is_sparse() == sparse);
      optimizer.step(1, train::clip_factor(optimizer.gradient_norm(), 1));
      if (!interrupted || t != 3) continue;
      train::AdamW resumed({{{table}, 0.1, 0.1}});
      resumed.load_state(optimizer.state(), "here");
      optimizer = std::move(resumed);
    }
    return torch::cat({table.detach().clone(), optimizer.state().at("exp_avg_sq.0")});
  };
  const auto dense = trained(false, false);
  CHECK(torch::equal(dense, trained(true, false)));
  CHECK(torch::equal(dense, trained(true, true)));
}

TEST_CASE("a row is at rest where both of its averages are 0, not one", "[optimizer]") {
  auto table = torch::ones({3, 16}).requires_grad_(true);
  train::AdamW optimizer({{{table}, 1e-3, 0}});
  auto state = optimizer.state();
  state["exp_avg_sq.0"] = torch::zeros({3, 16});
  state["exp_avg_sq.0"][0].fill_(1);  // its first average has faded to 0
  optimizer.load_state(state, "here");
  torch::embedding(table, torch::tensor({std::int64_t{1}}), -1, false, /*sparse=*/true)
      .sum()
      .backward();
  optimizer.step(1, torch::tensor(1.0));
  const auto squares = optimizer.state().at("exp_avg_sq.0");
  CHECK(squares[0][0].item<double>() == Approx(0.999));
  CHECK(squares[1][0].item<double>() == Approx(0.001));
  CHECK(squares[2][0].item<double>() == 0);
}

TEST_CASE("decay spares biases and LayerNorm", "[optimizer]") {
  struct Net : torch::nn::Module {
    Net() {
      register_module("dense", torch::nn::Linear(2, 3));
      register_module("LayerNorm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({3})));
    }
  };
  const auto groups = train::decay_groups(Net(), 1e-3, 0.01);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].parameters.size() == 1);
  CHECK(groups[0].weight_decay == 0.01);
  CHECK(groups[1].parameters.size() == 3);
  CHECK(groups[1].weight_decay == 0);
}
