#include "losses/relation.h"

#include <limits>

#include "core/error.h"

namespace reaugkd::losses {
namespace {

/// The diagonal set to `value`, out of place so that gradients pass.
torch::Tensor with_diagonal(const torch::Tensor& x, double value) {
  const auto eye = torch::eye(x.size(0), x.options().dtype(torch::kBool).requires_grad(false));
  return x.masked_fill(eye, value);
}

/// 1/B sum_i sum_j p_ij (log p_ij - log q_ij); entries that both give as 0 (kDrop) add nothing.
torch::Tensor mean_kl(const torch::Tensor& log_p, const torch::Tensor& log_q) {
  return (log_p.exp() * (log_p - log_q)).sum() / log_p.size(0);
}

}  // namespace

SelfSimilarity parse_self_similarity(const std::string& text) {
  if (text == "drop") return SelfSimilarity::kDrop;
  if (text == "keep") return SelfSimilarity::kKeep;
  throw core::ConfigError("--self-similarity: \"{}\" is not one of drop, keep", text);
}

KlDirection parse_kl_direction(const std::string& text) {
  if (text == "forward") return KlDirection::kForward;
  if (text == "reverse") return KlDirection::kReverse;
  throw core::ConfigError("--kl-direction: \"{}\" is not one of forward, reverse", text);
}

Anchor parse_anchor(const std::string& text) {
  if (text == "teacher") return Anchor::kTeacher;
  if (text == "student") return Anchor::kStudent;
  throw core::ConfigError("--anchor: \"{}\" is not one of teacher, student", text);
}

torch::Tensor log_similarity(const torch::Tensor& rows, const torch::Tensor& columns, double tau,
                             SelfSimilarity self_similarity) {
  REAUGKD_CHECK(rows.dim() == 2 && rows.sizes() == columns.sizes() && rows.size(0) >= 2 && tau > 0,
                "rows and columns are (B, D), B >= 2, tau > 0");
  const auto scaled = torch::matmul(rows, columns.t()) / tau;  // (B, B)
  if (self_similarity == SelfSimilarity::kKeep) return torch::log_softmax(scaled, 1);
  const auto others = with_diagonal(scaled, -std::numeric_limits<double>::infinity());
  return with_diagonal(torch::log_softmax(others, 1), 0);
}

torch::Tensor relational_divergence(const torch::Tensor& z, const torch::Tensor& s,
                                    const RelationOptions& options) {
  const auto constant = z.detach();
  const auto log_q = log_similarity(constant, constant, options.tau, options.self_similarity);
  const auto log_q_hat =
      options.anchor == Anchor::kTeacher
          ? log_similarity(constant, s, options.tau, options.self_similarity)   // q^_ij ~ z_i.s_j
          : log_similarity(s, constant, options.tau, options.self_similarity);  // q^_ij ~ s_i.z_j
  return options.kl_direction == KlDirection::kForward ? mean_kl(log_q, log_q_hat)
                                                       : mean_kl(log_q_hat, log_q);
}

}  // namespace reaugkd::losses
