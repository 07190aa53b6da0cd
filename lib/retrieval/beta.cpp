#include "retrieval/beta.h"

#include <cmath>

#include "base/error.h"

namespace reaugkd::retrieval {

BetaMode parse_beta_mode(const std::string& text) {
  if (text == "constant") return BetaMode::kConstant;
  if (text == "entropy") return BetaMode::kEntropy;
  if (text == "similarity") return BetaMode::kSimilarity;
  if (text == "gate") return BetaMode::kGate;
  throw base::ConfigError("`beta_mode`: \"{}\" is not one of constant, entropy, similarity, gate",
                          text);
}

std::string to_string(BetaMode mode) {
  switch (mode) {
    case BetaMode::kEntropy:
      return "entropy";
    case BetaMode::kSimilarity:
      return "similarity";
    case BetaMode::kGate:
      return "gate";
    case BetaMode::kConstant:
      break;
  }
  return "constant";
}

torch::Tensor beta_features(BetaMode mode, const torch::Tensor& student,
                            const Neighbors& neighbors) {
  const torch::NoGradGuard no_grad;
  const auto p = student.to(torch::kCPU, torch::kFloat64);  // (B, C)
  if (mode == BetaMode::kEntropy) return -torch::xlogy(p, p).sum(1);
  if (mode == BetaMode::kSimilarity) {
    return neighbors.similarities.select(1, 0).to(torch::kCPU, torch::kFloat64);
  }
  return torch::zeros({p.size(0)}, torch::kFloat64);
}

torch::Tensor beta_of_rows(double beta, const BetaRule& rule, const torch::Tensor& features) {
  REAUGKD_CHECK(beta >= 0 && beta <= 1, "beta is {}", beta);
  if (rule.slope == 0) return torch::full_like(features, beta);
  // 0 and 1, whose logits are infinite, stay what they are.
  return torch::sigmoid(std::log(beta / (1 - beta)) + rule.slope * (features - rule.center));
}

torch::Tensor betas(double beta, const BetaRule& rule, const torch::Tensor& student,
                    const torch::Tensor& knowledge_base, const Neighbors& neighbors) {
  if (rule.mode != BetaMode::kGate) {
    return beta_of_rows(beta, rule, beta_features(rule.mode, student, neighbors));
  }
  const auto known = rule.known_classes < 0 ? student.size(1) : rule.known_classes;
  return beta_of_rows(rule.gate, GateInput{student, knowledge_base, known}.features());
}

}  // namespace reaugkd::retrieval
