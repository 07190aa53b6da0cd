// --teacher-outputs: what a teacher that is no model here says of the rows of a stage, and which of
// them it has left out.
#pragma once

#include <string>

#include "data/task_settings.h"
#include "distill/teacher_outputs.h"
#include "run/run_directory.h"

namespace reaugkd::stages {

/// Reads `path`, an input of `run`, for the rows of `data`: of its training file, and of dev where
/// that validates. Throws as TeacherOutputs does.
distill::TeacherOutputs read_outputs(const std::string& path, const data::TaskData& data,
                                     run::RunDirectory& run);

/// What a file of outputs has left out of the training rows.
struct Unanswered {
  std::int64_t without_embedding = 0;   // of those that are kept
  std::int64_t without_prediction = 0;  // of those that are kept: their labels answer
  std::int64_t left_out = 0;            // no prediction and no label
};

/// Takes the training rows out of `data` and its split that have neither a prediction nor a label.
/// Warns of them, and of rows that lack a prediction or (where `embeddings` are read) an embedding,
/// with the first row numbers.
Unanswered take_out_unanswered(const distill::TeacherOutputs& outputs, bool embeddings,
                               data::TaskData& data);

/// The rows of both parts that have an embedding. Throws DataError where fewer than two training
/// rows have one, or no row that validates.
data::TaskData embedded_part(const distill::TeacherOutputs& outputs, const data::TaskData& data);

/// Outputs as the features of a teacher; without `embeddings` of predictions alone.
train::Features features_of(const distill::TeacherOutputs& outputs, bool embeddings,
                            const data::Dataset& rows);

/// "rows 3, 17, 40, ...": the first data rows at these positions.
std::string row_numbers(const data::Dataset& rows, const std::vector<std::int64_t>& positions);

}  // namespace reaugkd::stages
