// The teacher's outputs on both parts of a task, for project: computed once, or taken from a
// stopped run; and the rows among them that equation 1 learns from.
#pragma once

#include "data/task_settings.h"
#include "run/run_directory.h"
#include "train/features.h"

namespace reaugkd::stages {

/// What the teacher says of both parts of the task.
struct TeacherFeatures {
  train::Features train;
  train::Features validation;
};

class ProjectTeacher;

/// Computed and kept in features.safetensors, or taken from there where a stopped run left them
/// (`resume`); the embeddings of `pretrained`, unless it is null, are among them. The models are
/// then on the CPU or as they were.
TeacherFeatures teacher_features(ProjectTeacher& teacher, train::Model* pretrained,
                                 const tensor::Compute& compute, std::int64_t batch_size,
                                 bool resume, const run::RunDirectory& run);

/// How the teacher was fine-tuned travels with it to `output`, for build-kb's cross-fitting.
void carry_teacher_run(const std::filesystem::path& teacher, const std::filesystem::path& output);

/// What counts as the same label in equation 1: the class, or the rounded score. (n) fp32
torch::Tensor positive_labels(const data::Dataset& rows, base::TaskKind kind);

/// The rows that equation 1 knows.
struct LabelledRows {
  torch::Tensor positions;  // (n)
  torch::Tensor labels;     // (n)
};

/// Throws DataError where fewer than two rows have a label.
LabelledRows labelled_rows(const data::Dataset& rows, base::TaskKind kind);

}  // namespace reaugkd::stages
