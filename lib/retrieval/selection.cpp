#include "retrieval/selection.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "retrieval/aggregation.h"

namespace reaugkd::retrieval {
namespace {

constexpr double kTie = 1e-12;
constexpr double kSmallestProbability = 1e-12;

/// What the loss depends on, in fp64, (B): the probability of the label, or the score.
torch::Tensor relevant_column(const torch::Tensor& probabilities, const torch::Tensor& labels,
                              base::TaskKind kind) {
  const auto column =
      kind == base::TaskKind::kRegression
          ? probabilities.squeeze(1)
          : probabilities.gather(1, labels.to(probabilities.device(), torch::kInt64).unsqueeze(1))
                .squeeze(1);
  return column.to(torch::kCPU, torch::kFloat64);
}

double loss_of_column(const torch::Tensor& column, const torch::Tensor& labels,
                      base::TaskKind kind) {
  const auto losses = kind == base::TaskKind::kRegression
                          ? (column - labels).square()
                          : -column.clamp_min(kSmallestProbability).log();
  return losses.mean().item<double>();
}

void check_shapes(const torch::Tensor& probabilities, const torch::Tensor& labels,
                  base::TaskKind kind) {
  REAUGKD_CHECK(probabilities.dim() == 2 && labels.dim() == 1 && labels.size(0) > 0 &&
                    probabilities.size(0) == labels.size(0),
                "{} probabilities, {} labels", probabilities.numel(), labels.numel());
  REAUGKD_CHECK(kind != base::TaskKind::kRegression || probabilities.size(1) == 1,
                "a score has one column");
  REAUGKD_CHECK(labels.isfinite().all().item<bool>(), "a label is missing");
  REAUGKD_CHECK(
      kind == base::TaskKind::kRegression ||
          (labels.min().item<double>() >= 0 && labels.max().item<double>() < probabilities.size(1)),
      "a label is no class");
}

/// The preferred one of those within kTie of the lowest loss, or of the highest score.
RetrievalSetting best_of(const std::vector<RetrievalSetting>& tried, bool by_score) {
  const auto badness = [&](const auto& setting) {
    return by_score ? -setting.score : setting.loss;
  };
  const auto better = [&](const auto& a, const auto& b) { return badness(a) < badness(b); };
  const double lowest = badness(*std::min_element(tried.begin(), tried.end(), better));
  const auto preference = [](const RetrievalSetting& s) {
    return std::make_tuple(-s.beta, std::abs(s.rule.slope), s.k, s.tau,
                           std::abs(std::log(s.kb_temperature)));
  };
  const RetrievalSetting* best = nullptr;
  for (const auto& setting : tried) {
    if (badness(setting) > lowest + kTie) continue;
    if (best == nullptr || preference(setting) < preference(*best)) best = &setting;
  }
  return *best;
}

/// Every rule of the grid.
std::vector<BetaRule> rules_of(const RetrievalGrid& grid, const torch::Tensor& features) {
  const double deviation = features.std(/*unbiased=*/false).item<double>();
  if (grid.beta_mode == BetaMode::kConstant || deviation == 0) return {BetaRule{}};
  std::vector<BetaRule> rules;
  for (const double slope : grid.slope) {
    rules.push_back({grid.beta_mode, slope / deviation, features.mean().item<double>()});
  }
  return rules;
}

/// A setting's beta and rule, and beta_i of every row.
struct TriedBeta {
  double beta;
  BetaRule rule;
  torch::Tensor of_rows;  // (B)
};

std::vector<TriedBeta> betas_of(const RetrievalGrid& grid, const torch::Tensor& student,
                                const Neighbors& neighbors) {
  const auto features = beta_features(grid.beta_mode, student, neighbors);
  std::vector<TriedBeta> betas;
  for (const auto& rule : rules_of(grid, features)) {
    for (const double beta : grid.beta) {
      betas.push_back({beta, rule, beta_of_rows(beta, rule, features)});
    }
  }
  return betas;
}

}  // namespace

double prediction_loss(const torch::Tensor& probabilities, const torch::Tensor& labels,
                       base::TaskKind kind) {
  check_shapes(probabilities, labels, kind);
  return loss_of_column(relevant_column(probabilities, labels, kind),
                        labels.to(torch::kCPU, torch::kFloat64), kind);
}

RetrievalSetting select_setting(const RetrievalGrid& grid, const Neighbors& neighbors,
                                const std::vector<SoftLabels>& soft_labels,
                                const torch::Tensor& student, const torch::Tensor& labels,
                                base::TaskKind kind, const Criterion& criterion) {
  REAUGKD_CHECK(!grid.k.empty() && !grid.beta.empty() && !grid.tau.empty() && !grid.slope.empty() &&
                    !soft_labels.empty(),
                "the grid is empty");
  check_shapes(student, labels, kind);
  const torch::NoGradGuard no_grad;
  const auto target = labels.to(torch::kCPU, torch::kFloat64);
  const auto student_column = relevant_column(student, labels, kind);
  const auto betas = betas_of(grid, student, neighbors);
  std::vector<RetrievalSetting> tried;
  const auto try_betas = [&](std::int64_t k, double tau, const SoftLabels& softened) {
    const auto knowledge_base = aggregate(neighbors.first(k), softened.values, tau);
    const auto column = relevant_column(knowledge_base, labels, kind);
    for (const auto& beta : betas) {
      // The label's column of equation 7 in fp64, so that rounding does not decide a tie.
      const auto p = combine(student_column, column, beta.of_rows);
      const double loss = loss_of_column(p, target, kind);
      if (!std::isfinite(loss)) {
        throw base::NumericError(
            "the loss of the combined prediction is {} at k = {}, beta = {}, tau' = {}", loss, k,
            beta.beta, tau);
      }
      const double score =
          criterion ? criterion(combine(student, knowledge_base, beta.of_rows)) : 0;
      tried.push_back({k, beta.beta, tau, loss, score, beta.rule, softened.temperature});
    }
  };
  for (const auto& softened : soft_labels) {
    for (const auto k : grid.k) {
      for (const auto tau : grid.tau) try_betas(k, tau, softened);
    }
  }
  return best_of(tried, static_cast<bool>(criterion));
}

RetrievedPrediction predict(const RetrievalSetting& setting, const Neighbors& neighbors,
                            const torch::Tensor& soft_labels, const torch::Tensor& student) {
  const auto nearest = neighbors.first(setting.k);
  const auto knowledge_base = aggregate(nearest, soft_labels, setting.tau);
  const auto features = beta_features(setting.rule.mode, student, nearest);
  const auto beta = beta_of_rows(setting.beta, setting.rule, features);
  const auto combined = combine(student, knowledge_base, beta);
  if (!combined.isfinite().all().item<bool>()) {
    throw base::NumericError(
        "a combined prediction is not finite at k = {}, beta = {}, tau' = {}: a larger tau' or "
        "knowledge base temperature is needed",
        setting.k, setting.beta, setting.tau);
  }
  return {knowledge_base, combined};
}

}  // namespace reaugkd::retrieval
