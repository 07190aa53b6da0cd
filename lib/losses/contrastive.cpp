#include "losses/contrastive.h"

#include "base/error.h"
#include "losses/relation.h"

namespace reaugkd::losses {

torch::Tensor supervised_contrastive(const torch::Tensor& z, const torch::Tensor& labels,
                                     double tau) {
  REAUGKD_CHECK(z.dim() == 2 && z.size(0) >= 2 && labels.dim() == 1 && labels.size(0) == z.size(0),
                "z is (B, D), labels (B), B >= 2");
  // log( exp(z_i.z_p/tau) / sum_{a != i} exp(z_i.z_a/tau) ), 0 on the diagonal      (B, B)
  const auto log_ratio = log_similarity(z, z, tau, SelfSimilarity::kDrop);
  auto positive = (labels.unsqueeze(0) == labels.unsqueeze(1)).to(z.scalar_type());  // P(i)
  positive.fill_diagonal_(0);
  const auto count = positive.sum(1);  // |P(i)|
  const auto per_row = -(positive * log_ratio).sum(1) / count.clamp_min(1);
  const auto has_partner = (count > 0).to(z.scalar_type());
  return (per_row * has_partner).sum() / has_partner.sum().clamp_min(1);
}

}  // namespace reaugkd::losses
