// What predict says of a row, as named values: the same in every format of output.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "serving/answers.h"

namespace reaugkd::serving {

/// What is said beside the prediction and its probability.
struct AnswerDetail {
  std::int64_t top = 0;        // the most probable classes, with their probabilities
  bool details = false;        // what the student and the knowledge base said, and beta
  std::int64_t neighbors = 0;  // the nearest rows of the knowledge base
  bool probabilities = false;  // of every class
  double min_probability = 0;  // below it the prediction is `unknown`
  std::string unknown = "unknown";
  std::string prefix;   // of every name
  bool errors = false;  // an "error" for rows that cannot be answered

  /// Whether the knowledge base is asked even where it has no say.
  bool explained() const { return details || neighbors > 0; }
};

/// The names in their order, each with the prefix. `task` has the knowledge base's new classes.
std::vector<std::string> answer_names(const data::Task& task, const AnswerDetail& detail,
                                      bool with_knowledge_base);

/// The values of row i of `answers`, under answer_names(). Probabilities are spelled as short as
/// their floats can be. `retrieval` may be null.
base::Json answer_fields(const data::Task& task, const AnswerDetail& detail, const Answers& answers,
                         std::int64_t i, const Retrieval* retrieval);

/// The same of a row that cannot be answered: null, and why.
base::Json error_fields(const data::Task& task, const AnswerDetail& detail,
                        bool with_knowledge_base, const std::string& error);

/// Whether row i gets `unknown`: the most probable class is below the threshold.
bool abstained(const data::Task& task, const AnswerDetail& detail, const Answers& answers,
               std::int64_t i);

}  // namespace reaugkd::serving
