// The rows that build-kb --extend-files adds: their keys and answers by a teacher's model, by a
// file of outputs, or by nobody.
#pragma once

#include "data/dataset.h"
#include "retrieval/knowledge_base.h"
#include "stages/build_kb.h"

namespace reaugkd::stages {

/// Makes rows for `kb` of the rows of a file. Throws ConfigError where nothing can make keys for
/// them that compare with its own, ArtifactError where --teacher is not the one that made them.
class NewRows {
 public:
  NewRows(const BuildKbOptions& options, const data::TaskSettings& settings,
          const tensor::Compute& compute, run::RunDirectory& run,
          const retrieval::KnowledgeBase& kb);
  ~NewRows();
  NewRows(const NewRows&) = delete;
  NewRows& operator=(const NewRows&) = delete;

  /// Rows of --teacher-outputs that lack a key or an answer are left out, with a warning. Throws
  /// DataError where a row has no label and nobody else answers for it.
  retrieval::KnowledgeBase make(const data::Dataset& rows, const retrieval::KnowledgeBase& kb);

 private:
  retrieval::KnowledgeBase by_teacher(const data::Dataset& rows);
  retrieval::KnowledgeBase by_outputs(const data::Dataset& rows,
                                      const retrieval::KnowledgeBase& kb);

  const BuildKbOptions& options_;
  const data::TaskSettings& settings_;
  const tensor::Compute& compute_;
  run::RunDirectory& run_;
  std::unique_ptr<train::Model> teacher_;  // null: none, or it is given by its outputs
};

}  // namespace reaugkd::stages
