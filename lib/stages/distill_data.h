// What distill asks of its sources and rows before a method is made.
#pragma once

#include "distill/method.h"
#include "stages/distill_options.h"

namespace reaugkd::stages {

/// The directory whose task and split hold: the first that is given.
std::string inherited_from(const DistillOptions& options);

/// Those of --teacher and --student that `inherited` is not from must fit to it: the teacher's task
/// and class order, and which rows they were kept from. Throws ArtifactError.
void check_others(const DistillOptions& options, const Inherited& inherited,
                  const data::TaskSettings& settings);

/// What learns from labels needs them: of every row where it learns from nothing else. Throws
/// DataError.
void check_labels(const DistillOptions& options, const distill::MethodInfo& method,
                  const data::Dataset& rows);

/// Takes a method's quiz out of data.train: about `share` of its rows, divided as the holdout is,
/// so that no text stands on both sides (rows that would have to are left out); none where the
/// share is 0. Throws DataError where there are fewer than two on either side.
data::Dataset take_quiz(data::TaskData& data, double share, const std::string& method,
                        std::uint64_t seed);

/// The space of the knowledge base's keys, which the student is to learn. Throws ArtifactError
/// where they are a student's own.
retrieval::KeySpace key_space_of(const DistillOptions& options);

}  // namespace reaugkd::stages
