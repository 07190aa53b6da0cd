// What teacher-finetune and distill say of a training: metrics.json, and a few lines for a person.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/json.h"
#include "data/task_settings.h"
#include "evaluation/warnings.h"
#include "train/fit.h"
#include "train/model_on_data.h"

namespace reaugkd::evaluation {

struct TrainingReport {
  std::string task;
  train::FitResult fit;
  std::string validation_split;  // "holdout:0.1"
  std::int64_t train_examples = 0;
  std::int64_t validation_examples = 0;
  Warnings warnings;
  std::string method;  // of distill
};

/// The report of a fit on `data`, whose training rows are `rows`, with warnings. `log` is its
/// train_log.jsonl.
TrainingReport training_report(const data::TaskData& data, const train::FitResult& fit,
                               const train::ModelOnData& rows, const std::filesystem::path& log);

base::Json to_json(const TrainingReport& report);

/// What was reached and how fast. `what`: "distill --method pkd".
std::string training_summary(const std::string& what, const TrainingReport& report);

}  // namespace reaugkd::evaluation
