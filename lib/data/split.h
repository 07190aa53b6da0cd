// Which rows of train are trained on and which are held out for validation. Made once, by the first
// stage that sees the data; written as split.json and inherited by every later stage.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/task.h"

namespace reaugkd::data {

/// `--validation holdout:0.1` or `--validation dev`.
struct Validation {
  bool holdout = true;
  double fraction = 0.1;
};

/// Throws ConfigError unless `text` is "dev" or "holdout:F" with 0 < F < 1 ("holdout" means 0.1).
Validation parse_validation(const std::string& text);
std::string to_string(const Validation& validation);

struct TrainSplit {
  Validation validation;
  std::uint64_t split_seed = 0;
  std::int64_t max_train_examples = 0;     // 0: all
  std::string train_sha256;                // of train.tsv
  std::vector<std::int64_t> train_rows;    // data rows (Dataset::rows) trained on, ascending
  std::vector<std::int64_t> holdout_rows;  // data rows held out, ascending; empty under dev

  bool operator==(const TrainSplit&) const;
};

/// Samples --max-train-examples rows, then holds out about `fraction` of those with a label as
/// fold.h says; how many rows are in neither part is logged. `train` is the whole train file.
/// Throws DataError where it cannot be divided.
TrainSplit make_split(const Dataset& train, const Task& task, const Validation& validation,
                      std::int64_t max_train_examples, std::uint64_t split_seed);

/// split.json. Throws IoError, ArtifactError (malformed, or of a newer format version).
void save_split(const TrainSplit& split, const std::filesystem::path& directory);
TrainSplit load_split(const std::filesystem::path& directory);

/// The two parts of `train`. Throws ArtifactError unless its sha256 is the split's.
Dataset train_part(const Dataset& train, const TrainSplit& split);
Dataset holdout_part(const Dataset& train, const TrainSplit& split);

}  // namespace reaugkd::data
