// How project makes its keys from the features of both encoders: L trained, the axes of the
// pretrained embeddings found, and the keys judged on held-out rows.
#pragma once

#include <optional>

#include "distill/key_maker.h"
#include "stages/project.h"
#include "stages/teacher_features.h"

namespace reaugkd::stages {

/// The widths of z and of e: --dim, the hidden size of --student, or (neither) that of what is
/// embedded.
struct KeyDimensions {
  std::int64_t z = 0;
  std::int64_t e = 0;
};

/// `pretrained`: hidden size of the pretrained encoder, 0 without one. Throws ConfigError where
/// both --student and --dim are given.
KeyDimensions dimensions_of(const ProjectOptions& options, std::int64_t teacher,
                            std::int64_t pretrained);

/// The checkpoint whose encoder makes e: --pretrained, or the model that the teacher's own run says
/// it began from; empty where the space has no e. Throws ConfigError where there is none.
std::filesystem::path pretrained_directory(const ProjectOptions& options);

/// Keys, and what is known of them.
struct MadeKeys {
  distill::KeyMaker maker;
  std::int64_t dimension = 0;
  std::optional<train::FitResult> fit;  // of L
  std::optional<double> kept;           // share of e~'s squared length, where P is not the identity
  metrics::Scores validation;           // knn_accuracy of the keys; of `both` of each part too
};

/// Throws as train::fit.
MadeKeys make_keys(const ProjectOptions& options, const TeacherFeatures& features,
                   const data::TaskData& data, const LabelledRows& labelled,
                   const KeyDimensions& dimensions, const tensor::Compute& compute,
                   const run::RunDirectory& run);

}  // namespace reaugkd::stages
