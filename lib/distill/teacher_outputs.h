// What a teacher that is no model here says of the rows of a task: an LLM, an embedding service, an
// ensemble, scikit-learn. Read from a file that another program wrote
// (docs/guides/other-teachers.md).
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/answer_file.h"
#include "data/task_settings.h"

namespace reaugkd::distill {

class TeacherOutputs {
 public:
  /// Reads .safetensors (embeddings, logits or probabilities, rows), .npz (the same names), .npy
  /// (embeddings, unless its name ends in logits or probabilities) or .jsonl (data/answer_file.h).
  /// `files`: the task's files that it may answer for, the training file first: rows that are
  /// numbers are of it, and without numbers row i is its data row i. Throws IoError, ConfigError on
  /// another suffix, ArtifactError where the file is damaged, DataError that names the array and
  /// the row on: a shape or a dtype that does not fit, values that are not finite, no distribution,
  /// a row that the data does not have, or twice.
  TeacherOutputs(std::filesystem::path path, const data::Task& task,
                 const std::vector<data::AnsweredFile>& files);

  const std::filesystem::path& path() const { return path_; }
  bool has_embeddings() const { return embeddings_.defined(); }
  bool has_logits() const { return logits_.defined(); }
  /// d, 0 without embeddings.
  std::int64_t width() const { return has_embeddings() ? embeddings_.size(1) : 0; }

  /// Positions of the rows that have an embedding, ascending.
  std::vector<std::int64_t> embedded(const data::Dataset& rows) const;
  /// Positions of the rows that have logits, ascending.
  std::vector<std::int64_t> predicted(const data::Dataset& rows) const;
  /// (n, d) fp32, a row of NaN where there is none. The file must have embeddings.
  torch::Tensor embeddings_of(const data::Dataset& rows) const;
  /// (n, C) fp32 likewise; all NaN without any logits.
  torch::Tensor logits_of(const data::Dataset& rows) const;

 private:
  std::vector<std::int64_t> places_of(const data::Dataset& rows) const;
  torch::Tensor rows_of(const torch::Tensor& values, const data::Dataset& rows) const;

  std::filesystem::path path_;
  std::int64_t classes_;
  torch::Tensor embeddings_;  // (n, d) fp32, a row of NaN where there is none; undefined: none
  torch::Tensor logits_;      // (n, C) likewise
  std::unordered_map<base::ExampleId, std::int64_t, base::ExampleIdHash> place_of_;
};

}  // namespace reaugkd::distill
