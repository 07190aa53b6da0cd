// Equations 6 and 7: what the neighbours say, and how it joins the student's own prediction. Used
// by eval and by the selection of k, beta and tau'.
#pragma once

#include <torch/torch.h>

#include "retrieval/index.h"

namespace reaugkd::retrieval {

/// Equation 6: p^KB = sum_{n in N_k} softmax_n(s.z_n / tau') p^T_n. soft_labels (N, C) fp32 on the
/// CPU; returns (B, C) fp32, summed in fp64. Weights are over the neighbours found. `tau` > 0. A
/// query without any neighbour is an InternalError.
torch::Tensor aggregate(const Neighbors& neighbors, const torch::Tensor& soft_labels, double tau);

/// How many rows of the knowledge base have each class, the class that its answer gives most.
struct ClassRows {
  torch::Tensor class_of_row;  // (N) int64
  torch::Tensor count;         // (C) fp64

  /// Of soft labels (N, C).
  static ClassRows of(const torch::Tensor& soft_labels);
};

/// `neighbors` with s.z - balance tau' log n in place of s.z, n the rows of the neighbor's class:
/// the weights of equation 6 are then divided by n^balance, so that a class of few rows can win.
/// `own_class` (B): the class of a query that stands in the knowledge base itself and is left out
/// there, so that its class has a row less; -1 for others. May be undefined.
Neighbors balanced(const Neighbors& neighbors, const ClassRows& rows, double balance, double tau,
                   const torch::Tensor& own_class = {});

/// Equation 7: p_i = beta_i p^S_i + (1 - beta_i) p^KB_i, both (B, C), or (B) for one column of it;
/// beta (B) fp64, the same for every row or not (beta.h). Where it is 1 or 0, p is p^S or p^KB bit
/// by bit.
torch::Tensor combine(const torch::Tensor& student, const torch::Tensor& knowledge_base,
                      const torch::Tensor& beta);

}  // namespace reaugkd::retrieval
