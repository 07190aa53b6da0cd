// What predict loads: the model, the knowledge base, and the setting that they answer by.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "serving/answers.h"
#include "serving/row_stream.h"
#include "serving/setting_file.h"
#include "stages/predict.h"

namespace reaugkd::stages {

struct PredictInputs {
  serving::Answerer answerer;
  std::optional<serving::Threshold> threshold;  // that eval has chosen
  base::Json job;  // what an earlier run must have had in common to be gone on with
};

/// Loads them and says on the log how they answer. Throws ArtifactError where they do not belong
/// together, ConfigError where there is no setting.
PredictInputs load_predict_inputs(const PredictOptions& options);

/// About how many rows the files have, for the progress line: their lines. 0 where it is not known.
std::int64_t rows_in(const std::vector<std::string>& files);

/// A reader for each input.
std::vector<serving::RowStream> open_inputs(const PredictOptions& options, const data::Task& task);

}  // namespace reaugkd::stages
