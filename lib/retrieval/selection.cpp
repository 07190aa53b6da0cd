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
                           std::abs(std::log(s.answers.temperature)), s.answers.source,
                           s.answers.label_weight);
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

/// All that the grid has, where beta does not depend on what the knowledge base says.
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

/// Whether the loss has a floor: where the student may give a label no probability at all.
bool floored(const RetrievalGrid& grid, std::int64_t classes) {
  return grid.beta_mode == BetaMode::kGate ||
         (grid.known_classes >= 0 && grid.known_classes < classes);
}

GateInput gate_input(const BetaRule& rule, const torch::Tensor& student,
                     const torch::Tensor& knowledge_base) {
  return {student, knowledge_base, rule.known_classes < 0 ? student.size(1) : rule.known_classes};
}

/// What one selection compares all settings on.
class Selection {
 public:
  Selection(const RetrievalGrid& grid, const Neighbors& neighbors, const torch::Tensor& student,
            const torch::Tensor& labels, base::TaskKind kind, const Criterion& criterion,
            torch::Tensor own_class, std::int64_t classes)
      : grid_(grid),
        neighbors_(neighbors),
        student_(widened(student, classes)),
        labels_(labels),
        kind_(kind),
        criterion_(criterion),
        own_class_(std::move(own_class)) {
    check_shapes(student_, labels, kind);
    if (grid.beta_mode == BetaMode::kGate) {
      student_entropy_ = entropy(student_);
      return;
    }
    betas_ = betas_of(grid, student_, neighbors);
    student_column_ = relevant_column(student_, labels, kind);
  }

  /// Adds `setting` with each beta of the grid, or with the gate that fits it.
  void try_betas(const RetrievalSetting& setting, const torch::Tensor& soft_labels,
                 const ClassRows& rows, std::vector<RetrievalSetting>& tried) const {
    const auto nearest =
        balanced(neighbors_.first(setting.k), rows, setting.balance, setting.tau, own_class_);
    const auto knowledge_base = aggregate(nearest, soft_labels, setting.tau);
    if (grid_.beta_mode == BetaMode::kGate) {
      tried.push_back(gated(setting, knowledge_base));
      return;
    }
    const bool with_floor = floored(grid_, student_.size(1));
    const auto column = relevant_column(knowledge_base, labels_, kind_);
    for (const auto& beta : betas_) {
      RetrievalSetting with = setting;
      with.beta = beta.beta;
      with.rule = beta.rule;
      if (with_floor) {
        with.loss = floored_loss(combine(student_, knowledge_base, beta.of_rows), labels_);
      } else {  // the label's column of equation 7 in fp64, so that rounding does not decide a tie
        with.loss = loss_of_column(combine(student_column_, column, beta.of_rows),
                                   labels_.to(torch::kCPU, torch::kFloat64), kind_);
      }
      check_finite(with);
      if (criterion_) with.score = criterion_(combine(student_, knowledge_base, beta.of_rows));
      tried.push_back(with);
    }
  }

 private:
  RetrievalSetting gated(RetrievalSetting setting, const torch::Tensor& knowledge_base) const {
    setting.rule = {.mode = BetaMode::kGate, .known_classes = grid_.known_classes};
    auto input = gate_input(setting.rule, student_, knowledge_base);
    input.student_entropy = student_entropy_;
    const auto features = input.features();
    setting.rule.gate = fit_gate(input, features, labels_);
    const auto beta = beta_of_rows(setting.rule.gate, features);
    setting.beta = beta.mean().item<double>();
    const auto p = combine(input, beta);
    setting.loss = floored_loss(p, labels_);
    check_finite(setting);
    if (criterion_) setting.score = criterion_(p);
    return setting;
  }

  static void check_finite(const RetrievalSetting& setting) {
    if (std::isfinite(setting.loss)) return;
    throw base::NumericError(
        "the loss of the combined prediction is {} at k = {}, beta = {}, tau' = {}", setting.loss,
        setting.k, setting.beta, setting.tau);
  }

  const RetrievalGrid& grid_;
  const Neighbors& neighbors_;
  torch::Tensor student_;  // (B, C)
  const torch::Tensor& labels_;
  base::TaskKind kind_;
  const Criterion& criterion_;
  torch::Tensor own_class_;
  std::vector<TriedBeta> betas_;   // but of a gate
  torch::Tensor student_column_;   // of the labels, but of a gate
  torch::Tensor student_entropy_;  // of a gate
};

}  // namespace

double prediction_loss(const torch::Tensor& probabilities, const torch::Tensor& labels,
                       base::TaskKind kind) {
  check_shapes(probabilities, labels, kind);
  return loss_of_column(relevant_column(probabilities, labels, kind),
                        labels.to(torch::kCPU, torch::kFloat64), kind);
}

double selection_loss(const RetrievalGrid& grid, const torch::Tensor& probabilities,
                      const torch::Tensor& labels, base::TaskKind kind) {
  return floored(grid, probabilities.size(1)) ? floored_loss(probabilities, labels)
                                              : prediction_loss(probabilities, labels, kind);
}

RetrievalSetting select_setting(const RetrievalGrid& grid, const Neighbors& neighbors,
                                const std::vector<SoftLabels>& soft_labels,
                                const torch::Tensor& student, const torch::Tensor& labels,
                                base::TaskKind kind, const Criterion& criterion,
                                const torch::Tensor& own_class) {
  REAUGKD_CHECK(!grid.k.empty() && !grid.beta.empty() && !grid.tau.empty() && !grid.slope.empty() &&
                    !grid.balance.empty() && !soft_labels.empty(),
                "the grid is empty");
  const torch::NoGradGuard no_grad;
  const Selection selection(grid, neighbors, student, labels, kind, criterion, own_class,
                            soft_labels.front().values.size(1));
  std::vector<RetrievalSetting> tried;
  const auto try_with = [&](const SoftLabels& answers, const ClassRows& rows, std::int64_t k,
                            double tau, double balance) {
    selection.try_betas({.k = k, .tau = tau, .answers = answers.rule, .balance = balance},
                        answers.values, rows, tried);
  };
  const double usual = grid.balance[grid.balance.size() / 2];
  for (const auto& answers : soft_labels) {
    const auto rows = ClassRows::of(answers.values);
    for (const auto k : grid.k) {
      for (const auto tau : grid.tau) try_with(answers, rows, k, tau, usual);
    }
  }
  if (grid.balance.size() > 1) {
    const RetrievalSetting best = best_of(tried, static_cast<bool>(criterion));
    const auto answers = std::ranges::find(soft_labels, best.answers, &SoftLabels::rule);
    const auto rows = ClassRows::of(answers->values);
    for (const double balance : grid.balance) {
      if (balance != usual) try_with(*answers, rows, best.k, best.tau, balance);
    }
  }
  return best_of(tried, static_cast<bool>(criterion));
}

RetrievedPrediction predict(const RetrievalSetting& setting, const Neighbors& neighbors,
                            const torch::Tensor& soft_labels, const torch::Tensor& student,
                            const ClassRows& rows) {
  const auto nearest = neighbors.first(setting.k);
  const auto knowledge_base =
      aggregate(balanced(nearest, rows, setting.balance, setting.tau), soft_labels, setting.tau);
  const auto all = widened(student, soft_labels.size(1));
  const auto beta = betas(setting.beta, setting.rule, all, knowledge_base, nearest);
  const auto combined = setting.rule.mode == BetaMode::kGate
                            ? combine(gate_input(setting.rule, all, knowledge_base), beta)
                            : combine(all, knowledge_base, beta);
  if (!combined.isfinite().all().item<bool>()) {
    throw base::NumericError(
        "a combined prediction is not finite at k = {}, beta = {}, tau' = {}: a larger tau' or "
        "knowledge base temperature is needed",
        setting.k, setting.beta, setting.tau);
  }
  return {knowledge_base, combined};
}

}  // namespace reaugkd::retrieval
