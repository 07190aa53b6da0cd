// predictions.tsv, probabilities.safetensors and GLUE's submission files: what eval writes row by
// row.
#pragma once

#include <torch/torch.h>

#include <filesystem>

#include "data/dataset.h"
#include "data/task.h"

namespace reaugkd::evaluation {

/// Probabilities (n, C) of the final prediction and, with a knowledge base, of its two parts; the
/// last two are undefined without one.
struct RowPredictions {
  torch::Tensor final;
  torch::Tensor student;
  torch::Tensor knowledge_base;
};

/// Of more classes predictions.tsv has no column for each.
inline constexpr std::int64_t kMostColumns = 10;

/// Columns as docs/reference/files.md says; nine significant digits. Throws IoError.
void write_predictions(const std::filesystem::path& path, const data::Task& task,
                       const data::Dataset& rows, const RowPredictions& predictions);

/// All probabilities in fp32, (n, C) for each part, rows in the order of predictions.tsv. Throws
/// IoError.
void write_probabilities(const std::filesystem::path& path, const data::Task& task,
                         const RowPredictions& predictions);

/// GLUE's file: `index<TAB>prediction`, the names its server expects. Throws IoError.
void write_submission(const std::filesystem::path& path, const data::Task& task,
                      const data::Dataset& rows, const torch::Tensor& probabilities);

}  // namespace reaugkd::evaluation
