// beta of equation 7: one for all rows, as in the paper, or one for each row, from how unsure the
// student is, how near its nearest neighbour, or by a gate (gate.h). Used by the selection and by
// eval.
#pragma once

#include <torch/torch.h>

#include <string>

#include "retrieval/gate.h"
#include "retrieval/index.h"

namespace reaugkd::retrieval {

enum class BetaMode { kConstant, kEntropy, kSimilarity, kGate };

/// From a flag's value; throws ConfigError on anything but constant, entropy, similarity, gate.
BetaMode parse_beta_mode(const std::string& text);

std::string to_string(BetaMode mode);

/// How beta_i departs from beta: sigmoid(logit(beta) + slope (f_i - center)), f_i the row's
/// feature. With slope 0, and where beta is 0 or 1, all rows have beta. With kGate the gate says
/// what it is.
struct BetaRule {
  BetaMode mode = BetaMode::kConstant;
  double slope = 0;
  double center = 0;
  Gate gate = {};                   // kGate
  std::int64_t known_classes = -1;  // kGate: those that the student can name; -1: all
};

/// f (B) fp64 on the CPU: the entropy of p^S in nats (kEntropy), s.z of the nearest neighbour
/// (kSimilarity), 0 (kConstant). `student` is (B, C).
torch::Tensor beta_features(BetaMode mode, const torch::Tensor& student,
                            const Neighbors& neighbors);

/// beta_i of rows with these features, (B) fp64. 0 <= beta <= 1. Not of a gate.
torch::Tensor beta_of_rows(double beta, const BetaRule& rule, const torch::Tensor& features);

/// beta_i of rows by whatever rule, (B) fp64: `student` and `knowledge_base` are (B, C).
torch::Tensor betas(double beta, const BetaRule& rule, const torch::Tensor& student,
                    const torch::Tensor& knowledge_base, const Neighbors& neighbors);

}  // namespace reaugkd::retrieval
