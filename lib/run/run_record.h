// What run.json says of the directory it lies in, for the stages that read that directory.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace reaugkd::run {

/// What run.json says of a directory.
struct RunRecord {
  std::string command;
  base::Json options;  // by key
  base::Json inputs;   // sha256 by path
  base::Json outputs;  // sha256 by file name; empty while unfinished
};

/// The record of a directory that a stage wrote; nothing for a model from elsewhere. Throws
/// ArtifactError where run.json is damaged or of another format.
std::optional<RunRecord> run_record(const std::filesystem::path& directory);

/// Which of a record's inputs are other files now: path, sha256 then and now. One that is gone is
/// left out. Throws IoError.
std::vector<std::string> changed_inputs(const base::Json& inputs);

/// With every text, and every key with a slash, that is the path of something that is there in its
/// one absolute form, so that two spellings of a path compare equal.
base::Json with_real_paths(const base::Json& json);

}  // namespace reaugkd::run
