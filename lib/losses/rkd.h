// Relational knowledge distillation (Park et al., CVPR 2019): distances between pairs of a batch's
// embeddings and angles between triples. Used by distill --method rkd.
#pragma once

#include <torch/torch.h>

namespace reaugkd::losses {

/// Equations 5 to 8: mean over pairs of huber(psi_D(t_i, t_j) - psi_D(s_i, s_j)), psi_D the
/// distance divided by the batch's mean distance. Embeddings (B, .), of two widths if need be, B >=
/// 2; the teacher's are constants. The mean is over all B x B pairs, as in the authors' code. A
/// scalar.
torch::Tensor distance_relation(const torch::Tensor& teacher, const torch::Tensor& student);

/// Equations 8 to 10: mean over triples of huber(psi_A(t_i, t_j, t_k) - psi_A(s_i, s_j, s_k)),
/// psi_A the cosine of the angle at the middle row. The mean is over all B x B x B triples.
torch::Tensor angle_relation(const torch::Tensor& teacher, const torch::Tensor& student);

}  // namespace reaugkd::losses
