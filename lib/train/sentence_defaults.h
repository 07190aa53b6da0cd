// What a model directory itself says of how a text's embedding is made, for an `embedding` of
// "auto": its own config.json where we wrote it, else its sentence-transformers folder.
#pragma once

#include <filesystem>
#include <string>

#include "models/model_config.h"
#include "text/tokenizer.h"

namespace reaugkd::train {

/// The pooling that `option` names; for "auto" that of the directory, else `fallback`. Says on the
/// log what a folder has set, or what it would have set. Throws ConfigError where the option names
/// none, ArtifactError where it is "auto" and the folder makes an embedding that we do not have.
models::Pooling choose_pooling(const std::string& option, const models::ModelConfig& config,
                               const std::filesystem::path& directory, models::Pooling fallback);

/// Throws ArtifactError where the directory's folder lower-cases texts and the tokenizer does not.
void check_lower_case(const text::Tokenizer& tokenizer, const std::filesystem::path& directory);

}  // namespace reaugkd::train
