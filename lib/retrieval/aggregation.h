// Equations 6 and 7: what the neighbours say, and how it joins the student's own prediction. Used
// by eval and by the selection of k, beta and tau'.
#pragma once

#include <torch/torch.h>

#include "retrieval/index.h"

namespace reaugkd::retrieval {

/// Equation 6: p^KB = sum_{n in N_k} softmax_n(s.z_n / tau') p^T_n. soft_labels (N, C) fp32;
/// returns (B, C) in fp32 on the device of soft_labels. Weights are over the neighbours found.
/// `tau` > 0. A query without any neighbour is an InternalError.
torch::Tensor aggregate(const Neighbors& neighbors, const torch::Tensor& soft_labels, double tau);

/// Equation 7: p = beta p^S + (1 - beta) p^KB, both (B, C). beta = 1 returns p^S unchanged, bit by
/// bit, and beta = 0 returns p^KB.
torch::Tensor combine(const torch::Tensor& student, const torch::Tensor& knowledge_base,
                      double beta);

}  // namespace reaugkd::retrieval
