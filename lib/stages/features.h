// A teacher's outputs on the rows of a task, computed once by project and used again by build-kb:
// features.safetensors, and the projection L beside it.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <string>

#include "data/dataset.h"
#include "stages/model.h"

namespace reaugkd::stages {

/// A frozen teacher's outputs on n rows.
struct Features {
  torch::Tensor embeddings;   // (n, H) fp32, t
  torch::Tensor logits;       // (n, C) fp32
  torch::Tensor example_ids;  // (n, 2) int64: first 64 bits of the file's sha256, data row
};

/// The example ids of a data set as features store them.
torch::Tensor example_ids_of(const data::Dataset& dataset);

/// The teacher's outputs on `rows`, in eval mode; it is left on compute.device.
Features compute_features(Model& teacher, const data::Dataset& rows, const TaskSettings& settings,
                          const Compute& compute, std::int64_t batch_size);

/// `mark`: what the features were computed from, for a run that goes on with them.
void save_features(const Features& train, const Features& validation, const std::string& mark,
                   const std::filesystem::path& directory);
/// The mark of the directory's features; empty where there are none.
std::string features_mark(const std::filesystem::path& directory);

/// The part's features, checked to be of exactly these rows. `part` is "train" or "validation".
/// Throws ArtifactError.
Features load_features(const std::filesystem::path& directory, const std::string& part,
                       const data::Dataset& rows);

/// Whether the teacher may have been trained on the holdout: in project's metrics.json and, where
/// it is so, in kb.json's provenance.
inline constexpr const char* kTeacherSawHoldout = "teacher_saw_holdout";
inline bool teacher_saw_holdout(const core::Json& json, const std::filesystem::path& where) {
  return core::json_value<bool>(json, kTeacherSawHoldout, false, where.string());
}

/// z = norm(L t): weight (D, H), bias (D).
struct Projection {
  torch::Tensor weight;
  torch::Tensor bias;

  std::int64_t dimension() const { return weight.size(0); }
  /// (n, H) -> (n, D), unit rows, fp32.
  torch::Tensor apply(const torch::Tensor& embeddings) const;
};

void save_projection(const Projection& projection, const std::filesystem::path& directory);
/// Throws ArtifactError where the directory is a teacher without a projection.
Projection load_projection(const std::filesystem::path& directory, std::int64_t hidden_size);

}  // namespace reaugkd::stages
