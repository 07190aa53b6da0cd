// Equation 7 for a knowledge base that may know more classes than the student. A class that the
// student cannot name is the knowledge base's alone; between the others a gate decides row by row:
//
//   p(c) = p^KB(c)                                           c is new
//   p(c) = (1 - m) beta_i p^S(c) + (1 - beta_i) p^KB(c)      the student knows c
//
// with m = sum of p^KB over the new classes, beta_i = sigmoid(b + w.f_i), and w, b of maximum
// likelihood on held-out rows. Without new classes m = 0, and this is equation 7 as it stands.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

namespace reaugkd::retrieval {

/// What a gate looks at, in the order of its weights.
const std::vector<std::string>& gate_feature_names();

struct Gate {
  double bias = 0;
  std::vector<double> weights;  // (F), of the features as they are
};

/// p^S and p^KB of B rows, (B, C) each, of which the student knows the first `known_classes`.
struct GateInput {
  torch::Tensor student;
  torch::Tensor knowledge_base;
  std::int64_t known_classes;
  torch::Tensor student_entropy = {};  // (B) fp64 of p^S, where it is known already

  /// f, (B, F) fp64 on the CPU: the entropies of p^S and p^KB in nats, and how far the two agree on
  /// the known classes, sum_c p^S(c) p^KB(c) / (1 - m).
  torch::Tensor features() const;
  /// m, (B) fp64.
  torch::Tensor mass_of_new_classes() const;
};

/// beta_i of rows with these features (B, F): (B) fp64.
torch::Tensor beta_of_rows(const Gate& gate, const torch::Tensor& features);

/// The p above, (B, C), for beta (B).
torch::Tensor combine(const GateInput& input, const torch::Tensor& beta);

/// The gate of the smallest
///   -sum_i log((1 - e) (beta_i p^S(y_i) + (1 - beta_i) p^KB(y_i) / (1 - m_i)) + e / C) + |w|^2 / 2
/// over the rows whose label (B) is a class that the student knows; w is of features with mean 0
/// and deviation 1, e = kFloor. By expectation maximization: which of the two a row should have
/// asked is what is not known. Deterministic; without such rows beta is 1/2.
Gate fit_gate(const GateInput& input, const torch::Tensor& labels);

/// The same for features that have been worked out, those of `input`.
Gate fit_gate(const GateInput& input, const torch::Tensor& features, const torch::Tensor& labels);

/// -sum_c p(c) log p(c) in nats, (B) fp64 on the CPU.
torch::Tensor entropy(const torch::Tensor& probabilities);

/// Mean of -log((1 - e) p(y) + e / C): one answer that is wrong and sure does not outweigh all
/// others. p (B, C), labels (B).
double floored_loss(const torch::Tensor& probabilities, const torch::Tensor& labels);

constexpr double kFloor = 0.01;  // e

}  // namespace reaugkd::retrieval
