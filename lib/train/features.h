// A teacher's outputs on the rows of a task, computed once by project and used again by build-kb:
// features.safetensors.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <string>

#include "data/dataset.h"
#include "train/model.h"

namespace reaugkd::train {

/// A frozen teacher's outputs on n rows.
struct Features {
  torch::Tensor embeddings;       // (n, H) fp32, t; undefined where only `pretrained` makes keys
  torch::Tensor logits;           // (n, C) fp32; of a given teacher a row of NaN: no answer
  torch::Tensor example_ids;      // (n, 2) int64: first 64 bits of the file's sha256, data row
  torch::Tensor pretrained = {};  // (n, H') fp32, e~ of a pretrained encoder; undefined: none
};

/// The example ids of a data set as features store them.
torch::Tensor example_ids_of(const data::Dataset& dataset);

/// The teacher's outputs on `rows`, in eval mode; it is left on compute.device.
Features compute_features(Model& teacher, const data::Dataset& rows,
                          const data::TaskSettings& settings, const tensor::Compute& compute,
                          std::int64_t batch_size);

/// `mark`: what the features were computed from, for a run that goes on with them.
void save_features(const Features& train, const Features& validation, const std::string& mark,
                   const std::filesystem::path& directory);
/// The mark of the directory's features; empty where there are none.
std::string features_mark(const std::filesystem::path& directory);

/// Positions of `rows` whose features the part holds: of a model's all, of a given teacher's those
/// that it has answered for. Throws ArtifactError.
std::vector<std::int64_t> rows_with_features(const std::filesystem::path& directory,
                                             const std::string& part, const data::Dataset& rows);

/// The part's features, checked to be of exactly these rows. `part` is "train" or "validation".
/// Throws ArtifactError.
Features load_features(const std::filesystem::path& directory, const std::string& part,
                       const data::Dataset& rows);

}  // namespace reaugkd::train
