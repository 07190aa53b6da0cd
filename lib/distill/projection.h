// The projection L of the teacher's embeddings, z = norm(L t), and the objective that trains it:
// equation 1 over cached features, the teacher frozen. projection.safetensors.
#pragma once

#include <torch/torch.h>

#include <filesystem>

#include "train/fit.h"

namespace reaugkd::distill {

/// z = norm(L t): weight (D, H), bias (D).
struct Projection {
  torch::Tensor weight;
  torch::Tensor bias;

  std::int64_t dimension() const { return weight.size(0); }
  /// (n, H) -> (n, D), unit rows, fp32.
  torch::Tensor apply(const torch::Tensor& embeddings) const;
};

/// L drawn from N(0, 1/H), so that it keeps the length of what it projects.
Projection draw_projection(std::int64_t dimension, std::int64_t hidden_size, std::uint64_t seed,
                           const torch::Device& device);

void save_projection(const Projection& projection, const std::filesystem::path& directory);
/// Throws ArtifactError where the directory is a teacher without a projection.
Projection load_projection(const std::filesystem::path& directory, std::int64_t hidden_size);

/// How L is trained.
struct ProjectionTraining {
  double learning_rate = 1e-3;
  double weight_decay = 0.01;
  double tau = 0.1;
};

/// Equation 1 over features (n, H) with labels (n).
class ProjectionObjective : public train::Objective {
 public:
  ProjectionObjective(Projection& projection, torch::Tensor features, torch::Tensor labels,
                      const ProjectionTraining& training)
      : projection_(projection),
        features_(std::move(features)),
        labels_(std::move(labels)),
        training_(training) {}

  train::LossTerms loss(const std::vector<std::int64_t>& rows) override;
  std::vector<train::ParameterGroup> parameter_groups() override;
  void set_training(bool training) override { (void)training; }

 private:
  Projection& projection_;
  torch::Tensor features_;
  torch::Tensor labels_;
  ProjectionTraining training_;
};

/// Cached features of the teacher and what counts as their label.
struct ProjectionData {
  torch::Tensor features;         // (n, H), on the device of L
  torch::Tensor labels;           // (n), on the CPU
  torch::Tensor held_out;         // (m, H), on the device of L
  torch::Tensor held_out_labels;  // (m), on the CPU
};

/// Trains L by equation 1 over random batches, whose other rows are the negatives; the best of the
/// validations by knn_accuracy is left in it. Throws as train::fit.
train::FitResult train_projection(Projection& projection, const ProjectionData& data,
                                  const ProjectionTraining& training, std::int64_t batch_size,
                                  const train::FitOptions& options,
                                  const std::filesystem::path& log_path);

/// Share of held-out rows whose label is the one with the largest weight among their k nearest
/// train rows. Only the projection is judged: neither the head nor the student takes part. z are
/// (n, D) and (m, D), the labels (n) and (m). Where n m is more than `most_pairs`, a sample of the
/// held-out rows is judged, of 1,000 rows or more.
double knn_accuracy(const torch::Tensor& train_z, const torch::Tensor& train_labels,
                    const torch::Tensor& held_out_z, const torch::Tensor& held_out_labels,
                    double tau, std::int64_t most_pairs = 1'000'000'000);
inline constexpr std::int64_t kProjectionNeighbors = 16;  // k of knn_accuracy

}  // namespace reaugkd::distill
