// The losses of the baselines against values computed by hand and a second, independent way.
#include <torch/torch.h>

#include <cmath>

#include "base/error.h"
#include "catch.h"
#include "losses/distillation.h"
#include "losses/metadistil.h"
#include "losses/minilm.h"
#include "losses/pkd.h"
#include "losses/rkd.h"
#include "losses/tinybert.h"

namespace losses = reaugkd::losses;

namespace {

const auto kDouble = torch::kFloat64;

torch::Tensor rows(std::vector<double> values, std::vector<std::int64_t> sizes) {
  return torch::tensor(values, kDouble).view(sizes);
}

double huber(double x) {
  return std::abs(x) < 1 ? 0.5 * x * x : std::abs(x) - 0.5;
}

}  // namespace

TEST_CASE("PKD's layers are the paper's I_pt", "[pkd]") {
  using Layers = std::vector<std::int64_t>;
  CHECK(losses::patient_layers(6, 12, losses::PatienceLayers::kSkip) == Layers{2, 4, 6, 8, 10});
  CHECK(losses::patient_layers(6, 12, losses::PatienceLayers::kLast) == Layers{7, 8, 9, 10, 11});
  CHECK(losses::patient_layers(3, 12, losses::PatienceLayers::kSkip) == Layers{4, 8});
  CHECK(losses::patient_layers(2, 2, losses::PatienceLayers::kLast) == Layers{1});
  CHECK_THROWS_AS(losses::parse_patience_layers("first"), reaugkd::base::ConfigError);
}

TEST_CASE("PKD compares directions, not lengths", "[pkd]") {
  const auto teacher = rows({3, 4, 0, 2}, {1, 2, 2});   // unit: (.6, .8), (0, 1)
  const auto student = rows({10, 0, 0, 7}, {1, 2, 2});  // unit: (1, 0), (0, 1)
  // ((.4)^2 + (.8)^2 + 0 + 0) / 4
  CHECK(losses::patience(teacher, student).item<double>() == Approx(0.2));
  CHECK(losses::patience(teacher, 5 * teacher).item<double>() == Approx(0).margin(1e-15));
}

TEST_CASE("RKD's distances are relative to their mean", "[rkd]") {
  const auto teacher = rows({0, 1, 3}, {3, 1});  // distances 1, 3, 2; mean 2
  const auto student = rows({0, 4, 8}, {3, 1});  // distances 4, 8, 4; mean 16/3
  const double expected = 2.0 / 9 * (huber(0.75 - 0.5) + huber(1.5 - 1.5) + huber(0.75 - 1.0));
  CHECK(losses::distance_relation(teacher, student).item<double>() == Approx(expected));
  CHECK(losses::distance_relation(teacher, 7 * teacher + 3).item<double>() ==
        Approx(0).margin(1e-12));
}

TEST_CASE("RKD's angles are those of triples, term by term", "[rkd]") {
  torch::manual_seed(3);
  const auto teacher = torch::randn({4, 3}, kDouble);
  const auto student = torch::randn({4, 2}, kDouble);
  const auto cosine = [](const torch::Tensor& x, int i, int j, int k) {
    const auto a = x[i] - x[j];
    const auto b = x[k] - x[j];
    const double length = (a.norm() * b.norm()).item<double>();
    return length == 0 ? 0 : (a * b).sum().item<double>() / length;
  };
  double expected = 0;
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      for (int k = 0; k < 4; ++k) {
        expected += huber(cosine(student, i, j, k) - cosine(teacher, i, j, k)) / 64;
      }
    }
  }
  CHECK(losses::angle_relation(teacher, student).item<double>() == Approx(expected));
  auto input = student.clone().requires_grad_(true);
  losses::angle_relation(teacher, input).backward();
  CHECK(torch::isfinite(input.grad()).all().item<bool>());
}

TEST_CASE("TinyBERT's layers are spread evenly", "[tinybert]") {
  for (std::int64_t m = 1; m <= 6; ++m) CHECK(losses::uniform_layer(m, 6, 12) == 2 * m);
  CHECK(losses::uniform_layer(1, 3, 4) == 1);
  CHECK(losses::uniform_layer(2, 3, 4) == 3);
  CHECK(losses::uniform_layer(3, 3, 4) == 4);
}

TEST_CASE("TinyBERT's errors leave padding out", "[tinybert]") {
  const auto mask = torch::tensor({1, 1, 0}).view({1, 3});
  const auto teacher = torch::zeros({1, 3, 2});
  const auto student = torch::tensor({1.F, 2.F, 0.F, 3.F, 100.F, 100.F}).view({1, 3, 2});
  // ((1 + 4) / 2 + 9 / 2) / 2
  CHECK(losses::state_error(teacher, student, mask).item<double>() == Approx(3.5));
  auto scores = torch::full({1, 2, 3, 3}, 50.F);
  scores.slice(2, 0, 2).slice(3, 0, 2).fill_(2.F);
  scores.select(1, 0).slice(1, 0, 2).slice(2, 0, 2).fill_(1.F);
  // heads 1 and 2 are off by 1 and 2 in all four pairs: (1 + 4) / 2
  CHECK(losses::attention_error(torch::zeros({1, 2, 3, 3}), scores, mask).item<double>() ==
        Approx(2.5));
}

TEST_CASE("MiniLM's attention transfer is a KL per query token", "[minilm]") {
  const auto mask = torch::tensor({1, 1, 0}).view({1, 3});
  auto teacher = torch::zeros({1, 1, 3, 3});
  auto student = torch::zeros({1, 1, 3, 3});
  teacher[0][0][0][0] = std::log(3.F);  // (3/4, 1/4) against (1/2, 1/2)
  teacher.select(3, 2).fill_(9);        // a padded key counts for nothing
  teacher[0][0][2][0] = 5;              // neither does a padded query
  const double kl = 0.75 * std::log(1.5) + 0.25 * std::log(0.5);
  CHECK(losses::attention_transfer(teacher, student, mask).item<double>() == Approx(kl / 2));
}

TEST_CASE("MiniLM's value relation is scaled by its own width", "[minilm]") {
  const auto mask = torch::ones({1, 2}, torch::kInt64);
  const auto narrow = torch::tensor({1.F, 0.F}).view({1, 1, 2, 1});
  const auto wide = torch::tensor({1.F, 0.F, 0.F, 0.F, 0.F, 0.F, 0.F, 0.F}).view({1, 1, 2, 4});
  // relations of row 1: softmax(1, 0) and softmax(1/2, 0); row 2: uniform in both
  const double p = 1 / (1 + std::exp(-1.0));
  const double q = 1 / (1 + std::exp(-0.5));
  const double kl = p * std::log(p / q) + (1 - p) * std::log((1 - p) / (1 - q));
  CHECK(losses::value_relation(narrow, wide, mask).item<double>() == Approx(kl / 2).epsilon(1e-5));
}

TEST_CASE("DML's and ProKT's divergence is a KL towards a constant", "[dml][prokt]") {
  const auto target = torch::log(rows({0.75, 0.25}, {1, 2})).requires_grad_(true);
  const auto logits = torch::log(rows({0.5, 0.5}, {1, 2})).requires_grad_(true);
  const auto kl = losses::kl_divergence(target, logits);
  CHECK(kl.item<double>() == Approx(0.75 * std::log(1.5) + 0.25 * std::log(0.5)));
  kl.backward();
  CHECK_FALSE(target.grad().defined());
  CHECK(logits.grad()[0][0].item<double>() == Approx(0.5 - 0.75));  // softmax - target
}

namespace {

/// d quiz(S - eta dD/dS) / dT by second derivatives, for a linear student on inputs x.
torch::Tensor exact_meta_gradient(const torch::Tensor& x, const torch::Tensor& student,
                                  const torch::Tensor& teacher, const torch::Tensor& quiz_x,
                                  const torch::Tensor& quiz_y, double eta, double temperature) {
  auto s = student.clone().requires_grad_(true);
  auto t = teacher.clone().requires_grad_(true);
  const auto p = torch::softmax(t / temperature, 1);
  const auto d = -(p * torch::log_softmax(torch::matmul(x, s) / temperature, 1)).sum(1).mean() *
                 (temperature * temperature);
  const auto g = torch::autograd::grad({d}, {s}, {}, true, /*create_graph=*/true)[0];
  const auto quiz = losses::hard_cross_entropy(torch::matmul(quiz_x, s - eta * g), quiz_y);
  return torch::autograd::grad({quiz}, {t})[0];
}

}  // namespace

TEST_CASE("MetaDistil's objective has the gradient of the quiz through a step", "[metadistil]") {
  torch::manual_seed(11);
  const auto x = torch::randn({6, 4}, kDouble);
  const auto student = torch::randn({4, 3}, kDouble);
  const auto teacher = torch::randn({6, 3}, kDouble);
  const auto quiz_x = torch::randn({5, 4}, kDouble);
  const auto quiz_y = torch::tensor({0., 1., 2., 1., 0.}, kDouble);
  const double eta = 0.3;
  const double temperature = 2;
  const auto exact = exact_meta_gradient(x, student, teacher, quiz_x, quiz_y, eta, temperature);

  auto s = student.clone().requires_grad_(true);
  const auto g = torch::autograd::grad(
      {losses::soft_cross_entropy(teacher, torch::matmul(x, s), temperature)}, {s})[0];
  auto moved = (student - eta * g).requires_grad_(true);
  const auto v = torch::autograd::grad(
      {losses::hard_cross_entropy(torch::matmul(quiz_x, moved), quiz_y)}, {moved})[0];
  const double e = 1e-4;
  auto t = teacher.clone().requires_grad_(true);
  losses::meta_objective(t, torch::matmul(x, student + e * v), torch::matmul(x, student - e * v), e,
                         temperature)
      .backward();
  CHECK((eta * t.grad() - exact).abs().max().item<double>() <
        1e-8 * exact.abs().max().item<double>() + 1e-8);
}

TEST_CASE("MetaDistil's objective for scores", "[metadistil]") {
  auto t = rows({1, 2}, {2, 1}).requires_grad_(true);
  const auto plus = rows({1.5, 2.5}, {2, 1});
  const auto minus = rows({0.5, 2.25}, {2, 1});
  // -(mean (s+ - t)^2 - mean (s- - t)^2) / (2 e); by t: (s+ - s-) / (2 e), mean over 2 rows
  losses::meta_objective_of_scores(t, plus, minus, 0.5).backward();
  CHECK(t.grad()[0][0].item<double>() == Approx(1.0));
  CHECK(t.grad()[1][0].item<double>() == Approx(0.25));
}
