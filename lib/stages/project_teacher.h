// The teacher of project: a model that is run, or outputs that a file gives.
#pragma once

#include <memory>

#include "stages/project.h"
#include "stages/teacher_features.h"

namespace reaugkd::stages {

class ProjectTeacher {
 public:
  virtual ~ProjectTeacher() = default;
  /// H, of its embeddings; 0: it has none.
  virtual std::int64_t width() const = 0;
  /// The rows of the stage that it has features of.
  virtual const data::TaskData& known() const = 0;
  virtual train::Features features(const data::Dataset& rows) = 0;
  /// Leaves the device to others.
  virtual void put_away() = 0;
  /// Writes what later stages read of it into the stage's directory. Throws IoError.
  virtual void save(const std::filesystem::path& output) const = 0;
  /// Adds to metrics.json what is to be said of it.
  virtual void report(base::Json& metrics) const = 0;
};

/// --teacher. `data` must outlive it.
std::unique_ptr<ProjectTeacher> model_teacher(const ProjectOptions& options,
                                              const data::TaskData& data,
                                              const tensor::Compute& compute);

/// --teacher-outputs; rows that nobody answers for are taken out of `data`. Throws DataError where
/// the space needs embeddings and the file has none.
std::unique_ptr<ProjectTeacher> outputs_teacher(const ProjectOptions& options, data::TaskData& data,
                                                run::RunDirectory& run);

}  // namespace reaugkd::stages
