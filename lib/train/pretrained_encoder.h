// An encoder as it was pretrained, whose pooled states are embeddings of texts: the spaces
// `pretrained` and `both` of the keys. It is loaded for project, travels with the projected teacher
// and embeds the rows that build-kb adds.
#pragma once

#include <filesystem>
#include <string>

#include "train/features.h"

namespace reaugkd::train {

/// The encoder of `directory`; the model's classifier is drawn where the checkpoint has none, and
/// nothing reads it. Throws as models::load_classifier, and ArtifactError where `pooling` is the
/// pooler and the checkpoint has none.
Model load_pretrained(const std::filesystem::path& directory, models::Pooling pooling);

/// Copies config.json and the weights of `directory`, byte for byte, and the vocabulary of `model`,
/// which was loaded from there, to target/pretrained. Throws IoError.
void carry_pretrained(const Model& model, const std::filesystem::path& directory,
                      const std::filesystem::path& target);

/// e~ of every row, (n, H), not normalised; the encoder is left on compute.device. A text is cut
/// where the task or the encoder cuts it.
torch::Tensor pretrained_embeddings(Model& pretrained, const data::Dataset& rows,
                                    const data::TaskSettings& settings,
                                    const tensor::Compute& compute, std::int64_t batch_size);

}  // namespace reaugkd::train
