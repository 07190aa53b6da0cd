// Where a directory's knowledge base lies: the directory itself, or kb/ in a folder of export.
#pragma once

#include <filesystem>

#include "run/run_files.h"

namespace reaugkd::stages {

using run::kKbFolder;

/// `directory`, or its kb/ where that is a knowledge base.
std::filesystem::path knowledge_base_in(const std::filesystem::path& directory);

}  // namespace reaugkd::stages
