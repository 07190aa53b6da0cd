// The knowledge base's rows that a student was not trained on. Only these say how good retrieval is
// on what comes after training: on its own training rows a student looks perfect.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retrieval/knowledge_base.h"

namespace reaugkd::evaluation {

/// Rows that are not of the file with this sha256, which the student's training rows are from, and
/// those of it that have got another label since.
std::vector<std::int64_t> rows_new_to(const retrieval::KnowledgeBase& kb,
                                      const std::string& train_sha256);

/// Which of the labelled `new_rows` are asked about, beside `held_out` rows of classes that the
/// student knows. Of the student's classes `held_out` of them at most, drawn by `seed`. Of each new
/// class as many as the student's classes have held-out rows on average, so that a class of few
/// rows counts as much as another; one that has fewer is asked about more than once. A class of one
/// row is not asked about: with the row left out, nothing in the knowledge base has its label.
std::vector<std::int64_t> sample_of_new_rows(const retrieval::KnowledgeBase& kb,
                                             const std::vector<std::int64_t>& new_rows,
                                             std::int64_t held_out, std::uint64_t seed);

}  // namespace reaugkd::evaluation
