// Scoring one file of a task: the student's predictions, retrieval's, both combined, and what is to
// be said of them.
#pragma once

#include <string>

#include "evaluation/prediction_files.h"
#include "evaluation/report.h"
#include "train/model.h"

namespace reaugkd::evaluation {

/// A model on a device, ready to answer for the rows of its task.
struct Subject {
  train::Model model;
  data::TaskSettings settings;
  tensor::Compute compute;
  std::int64_t batch_size = 128;
  std::vector<std::string> new_classes = {};  // of the knowledge base; the model gives them zero

  /// The task with the new classes behind its own.
  data::Task task() const { return data::with_new_classes(settings.task, new_classes); }
};

/// The rows as the model sees them: probabilities of the classes of task() and unit embeddings, no
/// neighbors. `what` is for the progress line.
Queries ask(Subject& subject, const data::Dataset& rows, const std::string& what);

/// What a scored file is answered with besides the student.
struct RetrievalParts {
  Retriever& retriever;
  const SelectedRetrieval& selected;
  std::uint64_t seed = 0;
  bool same_text_answers = true;    // a row of a query's own text is not left out
  std::int64_t most_neighbors = 0;  // searched for, where other uses need more than the setting
};

/// Rows of a file with all that was said of them.
struct ScoredFile {
  FileReport report;
  RowPredictions predictions;
  Queries queries;             // with the setting's k neighbors
  retrieval::Neighbors found;  // all that were searched for; none without retrieval
};

/// Scores `rows`. `retrieval` and `teacher` may be null.
ScoredFile score_file(Subject& student, const data::Dataset& rows, const std::string& what,
                      const RetrievalParts* retrieval, Subject* teacher);

}  // namespace reaugkd::evaluation
