// What may be done to the rows of a knowledge base: take some, add some, remove some. The index is
// built anew over the result.
#pragma once

#include <string>
#include <vector>

#include "retrieval/knowledge_base.h"

namespace reaugkd::retrieval {

/// The rows at `positions`, in this order.
KnowledgeBase rows_of(const KnowledgeBase& kb, const std::vector<std::int64_t>& positions);

/// `kb` and behind it the rows of `more`, which has the same D and classes. Throws DataError where
/// an example is in both.
KnowledgeBase joined(const KnowledgeBase& kb, const KnowledgeBase& more);

/// `kb` without these examples ("0123456789abcdef:12", as in examples.tsv). Throws ConfigError for
/// an id that is none or that `kb` does not hold, and where nothing would be left.
KnowledgeBase without(const KnowledgeBase& kb, const std::vector<std::string>& ids);

}  // namespace reaugkd::retrieval
