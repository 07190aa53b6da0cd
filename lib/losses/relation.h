// Equations 2 and 3 and the relational term of 4: the distribution over a batch's teacher
// embeddings as the teacher sees it and as the student does, and their divergence. Used by distill.
#pragma once

#include <torch/torch.h>

#include <string>

namespace reaugkd::losses {

/// The term j = i of equations 2 and 3: left out, or kept.
enum class SelfSimilarity { kDrop, kKeep };
/// KL(q || q^) or KL(q^ || q).
enum class KlDirection { kForward, kReverse };
/// Equation 3 as a softmax over students for a teacher row, or over teachers for a student row:
/// those of the batch, or rows of the whole knowledge base.
enum class Anchor { kTeacher, kStudent, kKnowledgeBase };

/// From a flag's value; throw ConfigError on anything else.
SelfSimilarity parse_self_similarity(const std::string& text);  // drop, keep
KlDirection parse_kl_direction(const std::string& text);        // forward, reverse
Anchor parse_anchor(const std::string& text);                   // teacher, student, kb

struct RelationOptions {
  double tau = 0.1;
  SelfSimilarity self_similarity = SelfSimilarity::kDrop;
  KlDirection kl_direction = KlDirection::kForward;
  Anchor anchor = Anchor::kTeacher;
};

/// Equations 2 and 3: log softmax_j of rows_i . columns_j / tau; (B, D), (B, D) -> (B, B). With
/// kDrop the softmax is over j != i and the diagonal is 0, which is not a log probability: mask it.
torch::Tensor log_similarity(const torch::Tensor& rows, const torch::Tensor& columns, double tau,
                             SelfSimilarity self_similarity);

/// 1/B sum_i KL(q_i || q^_i), q from z alone (2), q^ from z and s (3). z, s (B, D) unit rows,
/// B >= 2; z is a constant, the gradient flows through s. No tau^2 factor. Returns a scalar.
torch::Tensor relational_divergence(const torch::Tensor& z, const torch::Tensor& s,
                                    const RelationOptions& options);

/// The same with n over rows of the knowledge base in place of j over the batch, as inference asks:
/// q_in ~ exp(z_i.z_n / tau), q^_in ~ exp(s_i.z_n / tau). anchors (M, D) are rows of it, own (B, M)
/// bool tells where anchor n is row i itself. A row's own z is left out (kDrop), or is one of its
/// anchors whether drawn or not (kKeep). options.anchor is not looked at.
torch::Tensor anchored_divergence(const torch::Tensor& z, const torch::Tensor& s,
                                  const torch::Tensor& anchors, const torch::Tensor& own,
                                  const RelationOptions& options);

}  // namespace reaugkd::losses
