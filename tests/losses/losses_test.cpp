// Equations 1 to 4 against hand-computed values, properties, and finite differences in double.
#include <torch/torch.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "catch.h"
#include "losses/contrastive.h"
#include "losses/distillation.h"
#include "losses/relation.h"

namespace base = reaugkd::base;
namespace losses = reaugkd::losses;

namespace {

torch::Tensor unit_rows(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  torch::manual_seed(seed);
  const auto x = torch::randn({rows, columns}, torch::kFloat64);
  return x / x.norm(2, 1, true);
}

/// Largest |analytic - central difference| over the entries of x.
double gradient_error(const std::function<torch::Tensor(const torch::Tensor&)>& loss,
                      const torch::Tensor& at) {
  constexpr double kStep = 1e-6;
  auto x = at.clone().requires_grad_(true);
  loss(x).backward();
  const auto analytic = x.grad().flatten();
  double worst = 0;
  for (std::int64_t i = 0; i < at.numel(); ++i) {
    auto up = at.clone();
    auto down = at.clone();
    up.view({-1})[i] += kStep;
    down.view({-1})[i] -= kStep;
    const double numeric = (loss(up) - loss(down)).item<double>() / (2 * kStep);
    worst = std::max(worst, std::abs(numeric - analytic[i].item<double>()));
  }
  return worst;
}

/// Equation 1 as written, term by term.
double contrastive_by_hand(const torch::Tensor& z, const std::vector<double>& labels, double tau) {
  const auto n = static_cast<std::size_t>(z.size(0));
  const auto dot = [&](std::size_t i, std::size_t j) {
    return (z[static_cast<std::int64_t>(i)] * z[static_cast<std::int64_t>(j)]).sum().item<double>();
  };
  double sum = 0;
  int counted = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double denominator = 0;
    for (std::size_t a = 0; a < n; ++a) denominator += a == i ? 0 : std::exp(dot(i, a) / tau);
    double row = 0;
    int positives = 0;
    for (std::size_t p = 0; p < n; ++p) {
      if (p == i || labels[p] != labels[i]) continue;
      row += std::log(std::exp(dot(i, p) / tau) / denominator);
      ++positives;
    }
    if (positives == 0) continue;
    sum -= row / positives;
    ++counted;
  }
  return counted == 0 ? 0 : sum / counted;
}

/// Equations 2 and 3 and the KL term of 4 as written; anchor and direction as the options say.
double relation_by_hand(const torch::Tensor& z, const torch::Tensor& s,
                        const losses::RelationOptions& options) {
  const std::int64_t n = z.size(0);
  const auto row = [&](const torch::Tensor& a, const torch::Tensor& b, std::int64_t i) {
    std::vector<double> p(static_cast<std::size_t>(n), 0);
    double sum = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      if (j == i && options.self_similarity == losses::SelfSimilarity::kDrop) continue;
      p[j] = std::exp((a[i] * b[j]).sum().item<double>() / options.tau);
      sum += p[j];
    }
    for (auto& value : p) value /= sum;
    return p;
  };
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto q = row(z, z, i);
    const auto q_hat = options.anchor == losses::Anchor::kTeacher ? row(z, s, i) : row(s, z, i);
    const bool forward = options.kl_direction == losses::KlDirection::kForward;
    const auto& a = forward ? q : q_hat;
    const auto& b = forward ? q_hat : q;
    for (std::int64_t j = 0; j < n; ++j) {
      if (a[j] > 0) total += a[j] * std::log(a[j] / b[j]);
    }
  }
  return total / static_cast<double>(n);
}

}  // namespace

TEST_CASE("equation 1 equals a hand-computed value", "[contrastive]") {
  // z = e1, e1, e2; labels 0, 0, 1; tau = 1. Rows 0 and 1: -log(e / (e + 1)). Row 2: no positive.
  const auto z = torch::tensor({{1.0, 0.0}, {1.0, 0.0}, {0.0, 1.0}}, torch::kFloat64);
  const auto labels = torch::tensor({0.0, 0.0, 1.0});
  const double expected = -std::log(std::exp(1.0) / (std::exp(1.0) + 1));
  CHECK(losses::supervised_contrastive(z, labels, 1).item<double>() ==
        Approx(expected).margin(1e-12));
}

TEST_CASE("equation 1 equals its definition on random rows", "[contrastive]") {
  const auto z = unit_rows(9, 5, 1);
  const std::vector<double> labels = {0, 1, 0, 2, 1, 0, 3, 2, 0};  // row 6 has no partner
  for (const double tau : {0.05, 0.1, 1.0}) {
    CHECK(losses::supervised_contrastive(z, torch::tensor(labels), tau).item<double>() ==
          Approx(contrastive_by_hand(z, labels, tau)).epsilon(1e-10));
  }
  const auto distinct = torch::arange(9);
  CHECK(losses::supervised_contrastive(z, distinct, 0.1).item<double>() == 0);
}

TEST_CASE("equation 1 has the gradient of its value", "[contrastive]") {
  const auto z = unit_rows(6, 4, 2);
  const auto labels = torch::tensor({0, 1, 0, 1, 2, 0});
  CHECK(gradient_error(
            [&](const torch::Tensor& x) { return losses::supervised_contrastive(x, labels, 0.2); },
            z) < 1e-6);
}

TEST_CASE("equations 2 and 3 are distributions over the others", "[relation]") {
  const auto z = unit_rows(5, 3, 3);
  const auto s = unit_rows(5, 3, 4);
  const auto drop = losses::log_similarity(z, s, 0.1, losses::SelfSimilarity::kDrop);
  const auto off_diagonal = 1 - torch::eye(5, torch::kFloat64);
  const auto sums = (drop.exp() * off_diagonal).sum(1);
  CHECK(torch::allclose(sums, torch::ones(5, torch::kFloat64)));
  CHECK(drop.diagonal().abs().max().item<double>() == 0);
  const auto keep = losses::log_similarity(z, s, 0.1, losses::SelfSimilarity::kKeep);
  CHECK(torch::allclose(keep.exp().sum(1), torch::ones(5, torch::kFloat64)));
  // Two rows without themselves: the other one has all the weight, whatever the similarity.
  const auto two = losses::log_similarity(z.slice(0, 0, 2), s.slice(0, 0, 2), 0.1,
                                          losses::SelfSimilarity::kDrop);
  CHECK(two.abs().max().item<double>() == Approx(0).margin(1e-12));
}

TEST_CASE("the KL term of equation 4 equals its definition under every option", "[relation]") {
  const auto z = unit_rows(6, 4, 5);
  const auto s = unit_rows(6, 4, 6);
  for (const auto self : {losses::SelfSimilarity::kDrop, losses::SelfSimilarity::kKeep}) {
    for (const auto direction : {losses::KlDirection::kForward, losses::KlDirection::kReverse}) {
      for (const auto anchor : {losses::Anchor::kTeacher, losses::Anchor::kStudent}) {
        const losses::RelationOptions options{0.15, self, direction, anchor};
        const double value = losses::relational_divergence(z, s, options).item<double>();
        CHECK(value == Approx(relation_by_hand(z, s, options)).epsilon(1e-10));
        CHECK(value > 0);
        CHECK(losses::relational_divergence(z, z, options).item<double>() ==
              Approx(0).margin(1e-12));
        CHECK(gradient_error(
                  [&](const torch::Tensor& x) {
                    return losses::relational_divergence(z, x, options);
                  },
                  s) < 1e-6);
      }
    }
  }
}

TEST_CASE("over anchors of the knowledge base equation 4's KL equals hand-computed values",
          "[relation]") {
  // One row: z = e1, s = e2, tau = 1; anchors e1 (its own), e2 and -e2.
  const auto z = torch::tensor({{1.0, 0.0}}, torch::kFloat64);
  const auto s = torch::tensor({{0.0, 1.0}}, torch::kFloat64);
  const auto anchors = torch::tensor({{1.0, 0.0}, {0.0, 1.0}, {0.0, -1.0}}, torch::kFloat64);
  const auto own = torch::tensor({{true, false, false}});
  losses::RelationOptions options{1, losses::SelfSimilarity::kDrop, losses::KlDirection::kForward,
                                  losses::Anchor::kKnowledgeBase};
  const auto value = [&](const torch::Tensor& some, const torch::Tensor& mine) {
    return losses::anchored_divergence(z, s, some, mine, options).item<double>();
  };
  // Dropped: q = (1/2, 1/2), q^ = (e, 1/e) / (e + 1/e): log cosh 1.
  CHECK(value(anchors, own) == Approx(std::log(std::cosh(1.0))).epsilon(1e-12));
  // Kept: q = (e, 1, 1) / (e + 2), q^ = (1, e, 1/e) / (1 + 2 cosh 1): sum q log q/q^.
  options.self_similarity = losses::SelfSimilarity::kKeep;
  const double e = std::exp(1.0);
  const double kept = e / (e + 2) - std::log(e + 2) + std::log(1 + 2 * std::cosh(1.0));
  CHECK(value(anchors, own) == Approx(kept).epsilon(1e-12));
  // Kept, but not among the anchors drawn: the same.
  CHECK(value(anchors.slice(0, 1), own.slice(1, 1)) == Approx(kept).epsilon(1e-12));
}

TEST_CASE("with the batch as its anchors the KL is that of the student's form", "[relation]") {
  const auto z = unit_rows(6, 4, 21);
  const auto s = unit_rows(6, 4, 22);
  const auto own = torch::eye(6, torch::kBool);
  for (const auto self : {losses::SelfSimilarity::kDrop, losses::SelfSimilarity::kKeep}) {
    for (const auto direction : {losses::KlDirection::kForward, losses::KlDirection::kReverse}) {
      losses::RelationOptions options{0.15, self, direction, losses::Anchor::kStudent};
      const double batch = losses::relational_divergence(z, s, options).item<double>();
      CHECK(losses::anchored_divergence(z, s, z, own, options).item<double>() ==
            Approx(batch).epsilon(1e-10));
      CHECK(gradient_error(
                [&](const torch::Tensor& x) {
                  return losses::anchored_divergence(z, x, z, own, options);
                },
                s) < 1e-6);
    }
  }
}

TEST_CASE("no gradient reaches the teacher", "[relation][distillation]") {
  auto z = unit_rows(4, 3, 7).requires_grad_(true);
  auto s = unit_rows(4, 3, 8).requires_grad_(true);
  losses::relational_divergence(z, s, {}).backward();
  CHECK_FALSE(z.grad().defined());
  CHECK(s.grad().abs().sum().item<double>() > 0);
  auto anchors = unit_rows(5, 3, 9).requires_grad_(true);
  losses::anchored_divergence(z, s, anchors, torch::zeros({4, 5}, torch::kBool), {}).backward();
  CHECK_FALSE(z.grad().defined());
  CHECK_FALSE(anchors.grad().defined());
  auto teacher = torch::randn({4, 3}).requires_grad_(true);
  auto student = torch::randn({4, 3}).requires_grad_(true);
  losses::soft_cross_entropy(teacher, student, 1).backward();
  CHECK_FALSE(teacher.grad().defined());
}

TEST_CASE("soft cross entropy equals a hand-computed value", "[distillation]") {
  // p^T = (3/4, 1/4), p^S = (1/2, 1/2): CE = log 2.
  const auto teacher = torch::tensor({{std::log(3.0), 0.0}}, torch::kFloat64);
  const auto student = torch::zeros({1, 2}, torch::kFloat64);
  CHECK(losses::soft_cross_entropy(teacher, student, 1).item<double>() == Approx(std::log(2.0)));
  // T = 2: p^T = (sqrt 3, 1) / (1 + sqrt 3), p^S = softmax((1, 0)); times 4.
  const auto other = torch::tensor({{2.0, 0.0}}, torch::kFloat64);
  const double p = std::sqrt(3.0) / (1 + std::sqrt(3.0));
  const double log_sum = std::log(std::exp(1.0) + 1);
  const double expected = 4 * -(p * (1 - log_sum) + (1 - p) * (0 - log_sum));
  CHECK(losses::soft_cross_entropy(teacher, other, 2).item<double>() == Approx(expected));
  const auto random_teacher = unit_rows(3, 4, 9);
  CHECK(
      gradient_error(
          [&](const torch::Tensor& x) { return losses::soft_cross_entropy(random_teacher, x, 3); },
          unit_rows(3, 4, 10)) < 1e-6);
}

TEST_CASE("rows without a label add nothing", "[distillation]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  auto logits = torch::tensor({{2.0F, 0.0F}, {0.0F, 1.0F}, {9.0F, -9.0F}}).requires_grad_(true);
  const auto loss = losses::hard_cross_entropy(logits, torch::tensor({0.0F, 1.0F, nan}));
  const double expected = (std::log1p(std::exp(-2.0)) + std::log1p(std::exp(-1.0))) / 3;
  CHECK(loss.item<double>() == Approx(expected).epsilon(1e-6));
  loss.backward();
  CHECK(logits.grad()[2].abs().max().item<double>() == 0);
  CHECK(losses::hard_cross_entropy(logits, torch::full({3}, nan)).item<double>() == 0);
  const auto scores = torch::tensor({{1.0F}, {4.0F}});
  CHECK(losses::squared_error(scores, torch::tensor({3.0F, nan})).item<double>() == Approx(2));
}

TEST_CASE("unknown choices are refused", "[relation]") {
  namespace base = reaugkd::base;
  CHECK_THROWS_AS(losses::parse_self_similarity("maybe"), base::ConfigError);
  CHECK_THROWS_AS(losses::parse_kl_direction("up"), base::ConfigError);
  CHECK_THROWS_AS(losses::parse_anchor("both"), base::ConfigError);
}
