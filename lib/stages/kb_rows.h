// What build-kb does to the rows of a knowledge base: make them from a teacher's features, add
// those of new files, remove some, read them again, and say what there is.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retrieval/knowledge_base.h"
#include "stages/features.h"

namespace reaugkd::stages {

/// A row for each of `rows`: z = norm(L t), p^T = softmax(l^T); where the rows came with
/// distributions, these are p^T, and l^T = log p^T (p^T at least 1e-12). `features` are of exactly
/// these rows.
retrieval::KnowledgeBase knowledge_base_of(const Features& features, const Projection& projection,
                                           const data::Dataset& rows, bool regression);

/// The rows at `positions`, in this order.
retrieval::KnowledgeBase rows_of(const retrieval::KnowledgeBase& kb,
                                 const std::vector<std::int64_t>& positions);

/// `kb` and behind it the rows of `more`, which has the same D and classes. Throws DataError where
/// an example is in both.
retrieval::KnowledgeBase joined(const retrieval::KnowledgeBase& kb,
                                const retrieval::KnowledgeBase& more);

/// `kb` without these examples ("0123456789abcdef:12", as in examples.tsv). Throws ConfigError for
/// an id that is none or that `kb` does not hold, and where nothing would be left.
retrieval::KnowledgeBase without(const retrieval::KnowledgeBase& kb,
                                 const std::vector<std::string>& ids);

/// The rows' texts as a data set of the task, to be read by a model. The texts must be there.
data::Dataset dataset_of(const retrieval::KnowledgeBase& kb);

/// One screen about the knowledge base in `directory`: task, rows by file and label, teacher,
/// index, bytes. Throws as load_knowledge_base.
std::string describe_knowledge_base(const std::filesystem::path& directory);

}  // namespace reaugkd::stages
