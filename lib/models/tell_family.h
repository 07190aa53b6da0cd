// Which family a model directory is of where its config.json has no model_type.
#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "models/family.h"

namespace reaugkd::models {

/// The family by config.json's `architectures`, else by the names of the checkpoint's tensors;
/// `told_from` becomes which of the two, for the log. Throws ArtifactError where neither tells, or
/// several families would fit.
const Family& tell_family(const base::Json& config, const std::filesystem::path& directory,
                          std::string& told_from);

}  // namespace reaugkd::models
