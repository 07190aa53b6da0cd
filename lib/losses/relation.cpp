#include "losses/relation.h"

#include <limits>

#include "base/error.h"

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

/// The KL of equation 4 in the direction that the options say.
torch::Tensor divergence(const torch::Tensor& log_q, const torch::Tensor& log_q_hat,
                         const RelationOptions& options) {
  return options.kl_direction == KlDirection::kForward ? mean_kl(log_q, log_q_hat)
                                                       : mean_kl(log_q_hat, log_q);
}

/// log softmax_n of rows_i . anchors_n / tau; own entries are 0 (mask them). With kKeep z, the
/// rows' own, is one column more: (B, M) or (B, M + 1).
torch::Tensor log_anchor_similarity(const torch::Tensor& rows, const torch::Tensor& z,
                                    const torch::Tensor& anchors, const torch::Tensor& own,
                                    const RelationOptions& options) {
  auto scaled = torch::matmul(rows, anchors.t()) / options.tau;  // (B, M)
  auto masked = own;
  if (options.self_similarity == SelfSimilarity::kKeep) {
    scaled = torch::cat({scaled, (rows * z).sum(1, true) / options.tau}, 1);
    masked = torch::cat({own, torch::zeros_like(own.slice(1, 0, 1))}, 1);
  }
  const auto others = scaled.masked_fill(masked, -std::numeric_limits<double>::infinity());
  return torch::log_softmax(others, 1).masked_fill(masked, 0);
}

}  // namespace

SelfSimilarity parse_self_similarity(const std::string& text) {
  if (text == "drop") return SelfSimilarity::kDrop;
  if (text == "keep") return SelfSimilarity::kKeep;
  throw base::ConfigError("`self_similarity`: \"{}\" is not one of drop, keep", text);
}

KlDirection parse_kl_direction(const std::string& text) {
  if (text == "forward") return KlDirection::kForward;
  if (text == "reverse") return KlDirection::kReverse;
  throw base::ConfigError("`kl_direction`: \"{}\" is not one of forward, reverse", text);
}

Anchor parse_anchor(const std::string& text) {
  if (text == "teacher") return Anchor::kTeacher;
  if (text == "student") return Anchor::kStudent;
  if (text == "kb") return Anchor::kKnowledgeBase;
  throw base::ConfigError("`anchor`: \"{}\" is not one of teacher, student, kb", text);
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
  REAUGKD_CHECK(options.anchor != Anchor::kKnowledgeBase, "kb anchors: anchored_divergence");
  const auto constant = z.detach();
  const auto log_q = log_similarity(constant, constant, options.tau, options.self_similarity);
  const auto log_q_hat =
      options.anchor == Anchor::kTeacher
          ? log_similarity(constant, s, options.tau, options.self_similarity)   // q^_ij ~ z_i.s_j
          : log_similarity(s, constant, options.tau, options.self_similarity);  // q^_ij ~ s_i.z_j
  return divergence(log_q, log_q_hat, options);
}

torch::Tensor anchored_divergence(const torch::Tensor& z, const torch::Tensor& s,
                                  const torch::Tensor& anchors, const torch::Tensor& own,
                                  const RelationOptions& options) {
  REAUGKD_CHECK(z.dim() == 2 && z.sizes() == s.sizes() && anchors.dim() == 2 &&
                    anchors.size(1) == z.size(1) && own.size(0) == z.size(0) &&
                    own.size(1) == anchors.size(0) && options.tau > 0,
                "z and s are (B, D), anchors (M, D), own (B, M), tau > 0");
  REAUGKD_CHECK(!own.device().is_cpu() || own.logical_not().any(1).all().item<bool>(),
                "a row has no anchor but itself");  // a GPU would have to be waited for
  const auto constant = z.detach();
  const auto teachers = anchors.detach();
  return divergence(log_anchor_similarity(constant, constant, teachers, own, options),
                    log_anchor_similarity(s, constant, teachers, own, options), options);
}

}  // namespace reaugkd::losses
