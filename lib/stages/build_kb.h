// Stage 3: the knowledge base: the projected teacher's embedding and predictions of every row that
// is trained on, and an index over the embeddings; or an existing one with rows added or removed or
// with a student's embeddings as its keys.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/options.h"
#include "retrieval/index_options.h"
#include "run/run_directory.h"
#include "stages/cross_fit.h"
#include "stages/task_inputs.h"

namespace reaugkd::stages {

struct BuildKbOptions {
  std::string teacher;
  std::string teacher_outputs;
  std::string extend;
  std::vector<std::string> extend_files;
  std::string extend_columns = "train";
  std::string extend_labels = "auto";
  std::vector<std::string> remove;
  std::vector<std::string> remove_where;
  std::string relabel;
  bool in_place = false;
  std::string keys;
  std::string keep_keys = "student";
  std::string describe;
  std::int64_t eval_batch_size = 128;
  DataOptions data;
  CrossFitOptions cross_fit;
  std::string kb_dtype = "auto";
  std::string index = "auto";
  std::optional<std::int64_t> M;
  std::optional<std::int64_t> ef_construction;
  std::optional<std::int64_t> ef_search;
  std::int64_t index_threads = 1;
  run::RunOptions run;

  base::OptionList fields();
  /// Takes --in-place for what it means. Sets what no flag gives to what --extend was told, or the
  /// defaults: `index`, M and ef_construction. Returns how an index is built; its ef_search is
  /// where a search starts from.
  retrieval::IndexOptions resolve();
  /// The kind of index for so many rows.
  std::string index_kind(std::int64_t rows) const;
  /// Throws ConfigError where they contradict one another.
  void check() const;
  /// The same of --teacher-outputs.
  void check_outputs() const;
};

/// Runs the stage; returns the text for stdout. Throws base::Error.
std::string run_build_kb(BuildKbOptions options);

}  // namespace reaugkd::stages
