#include "losses/rkd.h"

#include "base/error.h"

namespace reaugkd::losses {
namespace {

void check(const torch::Tensor& teacher, const torch::Tensor& student) {
  REAUGKD_CHECK(teacher.dim() == 2 && student.dim() == 2 && teacher.size(0) == student.size(0) &&
                    teacher.size(0) >= 2,
                "embeddings are (B, .), B >= 2");
}

/// x_i - x_j, (B, .) -> (B, B, .)
torch::Tensor pair_differences(const torch::Tensor& x) {
  return x.unsqueeze(1) - x.unsqueeze(0);
}

/// Distances over their mean, pairs of equal rows left out of it; (B, B).
torch::Tensor relative_distances(const torch::Tensor& x) {
  // The clamp keeps the square root's gradient finite on the diagonal.
  const auto distance = pair_differences(x).square().sum(-1).clamp_min(1e-12).sqrt();
  const auto apart = (distance.detach() > 1e-5).to(x.scalar_type());
  const auto kept = distance * apart;
  return kept / (kept.sum() / apart.sum().clamp_min(1)).clamp_min(1e-12);
}

/// cos of the angle at row j between rows i and k: (B, B, B) as [j, i, k].
torch::Tensor angles(const torch::Tensor& x) {
  const auto difference = pair_differences(x);
  const auto length = difference.square().sum(-1, /*keepdim=*/true).clamp_min(1e-12).sqrt();
  const auto direction = difference / length;
  return torch::matmul(direction, direction.transpose(1, 2));
}

torch::Tensor huber(const torch::Tensor& teacher, const torch::Tensor& student) {
  return torch::smooth_l1_loss(student, teacher.detach());
}

}  // namespace

torch::Tensor distance_relation(const torch::Tensor& teacher, const torch::Tensor& student) {
  check(teacher, student);
  return huber(relative_distances(teacher), relative_distances(student));
}

torch::Tensor angle_relation(const torch::Tensor& teacher, const torch::Tensor& student) {
  check(teacher, student);
  return huber(angles(teacher), angles(student));
}

}  // namespace reaugkd::losses
