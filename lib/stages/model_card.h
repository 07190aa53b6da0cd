// MODEL_CARD.md of a folder of export, filled from the runs' records.
#pragma once

#include <filesystem>
#include <string>

#include "data/task_settings.h"
#include "serving/setting_file.h"
#include "stages/export.h"

namespace reaugkd::stages {

/// The card of `folder`, whose other files are there. Throws as the readers of the records do.
std::string model_card(const ExportOptions& options, const data::TaskSettings& settings,
                       const serving::Setting& setting, const std::filesystem::path& folder);

}  // namespace reaugkd::stages
