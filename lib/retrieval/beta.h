// beta of equation 7: one for all rows, as in the paper, or one for each row, from how unsure the
// student is or how near its nearest neighbour. Used by the selection and by eval.
#pragma once

#include <torch/torch.h>

#include <string>

#include "retrieval/index.h"

namespace reaugkd::retrieval {

enum class BetaMode { kConstant, kEntropy, kSimilarity };

/// From a flag's value; throws ConfigError on anything but constant, entropy, similarity.
BetaMode parse_beta_mode(const std::string& text);

/// How beta_i departs from beta: sigmoid(logit(beta) + slope (f_i - center)), f_i the row's
/// feature. With slope 0, and where beta is 0 or 1, all rows have beta.
struct BetaRule {
  BetaMode mode = BetaMode::kConstant;
  double slope = 0;
  double center = 0;
};

/// f (B) fp64 on the CPU: the entropy of p^S in nats (kEntropy), s.z of the nearest neighbour
/// (kSimilarity), 0 (kConstant). `student` is (B, C).
torch::Tensor beta_features(BetaMode mode, const torch::Tensor& student,
                            const Neighbors& neighbors);

/// beta_i of rows with these features, (B) fp64. 0 <= beta <= 1.
torch::Tensor beta_of_rows(double beta, const BetaRule& rule, const torch::Tensor& features);

}  // namespace reaugkd::retrieval
