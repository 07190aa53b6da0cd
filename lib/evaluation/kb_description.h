// What a knowledge base holds, on one screen: build-kb --describe.
#pragma once

#include <filesystem>
#include <string>

#include "data/task_settings.h"

namespace reaugkd::evaluation {

/// Task, rows by file and label, teacher, index, bytes. Throws as load_knowledge_base.
std::string describe_knowledge_base(const std::filesystem::path& directory,
                                    const data::TaskSettings& settings);

}  // namespace reaugkd::evaluation
