// What build-kb says: metrics.json, and a few lines for a person.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluation/index_check.h"
#include "evaluation/key_comparison.h"
#include "evaluation/warnings.h"
#include "metrics/scores.h"

namespace reaugkd::evaluation {

/// One fold of cross-fitting.
struct FoldReport {
  std::int64_t rows = 0;
  std::int64_t trained_on = 0;
  metrics::Scores validation;
  double best_epoch = 0;
  Warnings warnings;
};

struct CrossFitReport {
  std::string precision;
  std::vector<FoldReport> folds;
  double seconds = 0;
};

struct KbReport {
  std::string task;
  std::int64_t rows = 0;
  std::int64_t dimension = 0;
  std::string dtype;
  std::string index;
  std::vector<std::string> new_classes;  // that the teacher does not have
  metrics::Scores teacher_on_kb;
  metrics::Scores teacher_on_seen_rows;  // where others answer in its place: cross-fit
  metrics::Scores teacher_on_validation;
  metrics::Scores knn_on_validation;  // of a k-NN over the keys, by `project`
  std::optional<CrossFitReport> cross_fit;
  std::optional<KeyComparison> keys;      // where a student's took the place of the teacher's
  std::optional<IndexCheck> index_check;  // of an approximate index
  Warnings warnings;
  double index_seconds = 0;
};

base::Json to_json(const FoldReport& report);
/// The inverse. Throws ArtifactError naming `where`.
FoldReport fold_report_of_json(const base::Json& json, const std::string& where);
base::Json to_json(const KbReport& report);
std::string kb_summary(const KbReport& report);

}  // namespace reaugkd::evaluation
