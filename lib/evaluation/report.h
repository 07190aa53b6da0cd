// What eval says: scores, how retrieval was set and what it did, calibration, latency, warnings.
// One writer makes metrics.json of it (report_json.cpp), another the printed table
// (report_table.cpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "evaluation/class_report.h"
#include "evaluation/coverage.h"
#include "evaluation/latency.h"
#include "evaluation/retrieval_effect.h"
#include "evaluation/setting_selection.h"
#include "evaluation/warnings.h"
#include "metrics/bootstrap.h"
#include "metrics/scores.h"
#include "retrieval/selection.h"

namespace reaugkd::evaluation {

/// The same figures of each predictor that took part; empty where it did not, or without labels.
struct PredictorScores {
  metrics::Scores student, retrieval, combined, teacher;
};

/// The control that retrieval must beat: soft labels handed to other rows, its own setting.
struct PermutedControl {
  retrieval::RetrievalSetting setting;
  metrics::Scores combined;
};

/// What retrieval did on one scored file.
struct RetrievalEffect {
  IndexAgreement agreement_with_exact;
  std::int64_t same_text = 0;                 // scored rows with the text of a row of the KB
  std::optional<ChangedPredictions> changed;  // classification
  std::optional<PermutedControl> permuted;    // where there are labels
};

/// The rows of a part of the classes.
struct ClassPart {
  std::int64_t examples = 0;
  PredictorScores metrics;  // empty where there are none
};

/// One scored file.
struct FileReport {
  bool with_teacher = false;
  bool with_retrieval = false;
  PredictorScores metrics;
  metrics::Scores majority;     // empty for regression and without labels
  PredictorScores calibration;  // the same
  std::vector<std::pair<std::string, metrics::Interval>> intervals;  // of the final prediction
  std::vector<CoveragePoint> coverage;                // of the final prediction; the same
  RetrievalEffect retrieval;                          // with_retrieval
  std::optional<ClassPart> old_classes, new_classes;  // where the knowledge base has new ones
  std::vector<ConfusedClasses> confusions;            // the largest ones of the final prediction
  Warnings warnings;
};

/// From which probability on an answer is given.
struct ChosenThreshold {
  double target_precision = 0;
  CoveragePoint point;    // on the rows that it was chosen on
  std::string chosen_on;  // "holdout:0.1"
};

struct Report {
  std::string task;
  std::string split;
  std::int64_t examples = 0;
  std::string validation_split;              // what the model was selected on; empty: not known
  std::optional<RetrievalChoice> retrieval;  // with a knowledge base
  std::optional<ChosenThreshold> threshold;  // where a precision is wanted and reached
  FileReport scored;
  std::optional<FileReport> mismatched;  // MNLI's second file
  std::optional<Latency> latency;
};

/// metrics.json but for the time that the run took.
base::Json to_json(const Report& report);
/// The inverse. Throws ArtifactError naming `where`.
Report report_of_json(const base::Json& json, const std::string& where);

/// The report for a person: at most 80 columns, and 40 lines unless there are many warnings.
std::string report_table(const Report& report);

}  // namespace reaugkd::evaluation
