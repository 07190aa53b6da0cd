#include "retrieval/selection.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/error.h"
#include "retrieval/aggregation.h"

namespace reaugkd::retrieval {
namespace {

constexpr double kTie = 1e-12;
constexpr double kSmallestProbability = 1e-12;

/// What the loss depends on, in fp64, (B): the probability of the label, or the score.
torch::Tensor relevant_column(const torch::Tensor& probabilities, const torch::Tensor& labels,
                              bool regression) {
  const auto column =
      regression
          ? probabilities.squeeze(1)
          : probabilities.gather(1, labels.to(probabilities.device(), torch::kInt64).unsqueeze(1))
                .squeeze(1);
  return column.to(torch::kCPU, torch::kFloat64);
}

double loss_of_column(const torch::Tensor& column, const torch::Tensor& labels, bool regression) {
  const auto losses =
      regression ? (column - labels).square() : -column.clamp_min(kSmallestProbability).log();
  return losses.mean().item<double>();
}

void check_shapes(const torch::Tensor& probabilities, const torch::Tensor& labels,
                  bool regression) {
  REAUGKD_CHECK(probabilities.dim() == 2 && labels.dim() == 1 && labels.size(0) > 0 &&
                    probabilities.size(0) == labels.size(0),
                "{} probabilities, {} labels", probabilities.numel(), labels.numel());
  REAUGKD_CHECK(!regression || probabilities.size(1) == 1, "a score has one column");
  REAUGKD_CHECK(labels.isfinite().all().item<bool>(), "a label is missing");
  REAUGKD_CHECK(regression || (labels.min().item<double>() >= 0 &&
                               labels.max().item<double>() < probabilities.size(1)),
                "a label is no class");
}

/// The preferred one of those within kTie of the lowest loss.
RetrievalSetting best_of(const std::vector<RetrievalSetting>& tried) {
  const auto by_loss = [](const auto& a, const auto& b) { return a.loss < b.loss; };
  const double lowest = std::min_element(tried.begin(), tried.end(), by_loss)->loss;
  const auto preference = [](const RetrievalSetting& s) {
    return std::make_tuple(-s.beta, s.k, s.tau);
  };
  const RetrievalSetting* best = nullptr;
  for (const auto& setting : tried) {
    if (setting.loss > lowest + kTie) continue;
    if (best == nullptr || preference(setting) < preference(*best)) best = &setting;
  }
  return *best;
}

}  // namespace

double prediction_loss(const torch::Tensor& probabilities, const torch::Tensor& labels,
                       bool regression) {
  check_shapes(probabilities, labels, regression);
  return loss_of_column(relevant_column(probabilities, labels, regression),
                        labels.to(torch::kCPU, torch::kFloat64), regression);
}

RetrievalSetting select_setting(const RetrievalGrid& grid, const Neighbors& neighbors,
                                const torch::Tensor& soft_labels, const torch::Tensor& student,
                                const torch::Tensor& labels, bool regression) {
  REAUGKD_CHECK(!grid.k.empty() && !grid.beta.empty() && !grid.tau.empty(), "the grid is empty");
  check_shapes(student, labels, regression);
  const torch::NoGradGuard no_grad;
  const auto target = labels.to(torch::kCPU, torch::kFloat64);
  const auto student_column = relevant_column(student, labels, regression);
  std::vector<RetrievalSetting> tried;
  for (const auto k : grid.k) {
    for (const auto tau : grid.tau) {
      const auto knowledge_base = aggregate(neighbors.first(k), soft_labels, tau);
      const auto column = relevant_column(knowledge_base, labels, regression);
      for (const auto beta : grid.beta) {
        // The label's column of equation 7 in fp64, so that rounding does not decide a tie.
        const double loss =
            loss_of_column(combine(student_column, column, beta), target, regression);
        if (!std::isfinite(loss)) {
          throw core::NumericError(
              "the loss of the combined prediction is {} at k = {}, beta = {}, tau' = {}", loss, k,
              beta, tau);
        }
        tried.push_back({k, beta, tau, loss});
      }
    }
  }
  return best_of(tried);
}

}  // namespace reaugkd::retrieval
