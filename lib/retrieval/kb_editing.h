// What may be done to the rows of a knowledge base: take some, add some, remove some, correct their
// labels. The index is built anew over the result, or extended (extended_index).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "retrieval/knowledge_base.h"

namespace reaugkd::retrieval {

/// The rows at `positions`, in this order; the new classes stay.
KnowledgeBase rows_of(const KnowledgeBase& kb, const std::vector<std::int64_t>& positions);

/// `kb` and behind it the rows of `more`, which has the same D and C, and the new classes of `kb`
/// first. Throws DataError where an example is in both.
KnowledgeBase joined(const KnowledgeBase& kb, const KnowledgeBase& more);

/// Which rows to remove: those of any of these ids, and those that all `where` hold of.
struct Removal {
  std::vector<std::string> ids;    // "0123456789abcdef:12", as in examples.tsv
  std::vector<std::string> where;  // "label=refund", "file=0123456789abcdef"
};

/// `kb` without them; new classes that have no row left go with them. `classes` are the names of
/// all of its classes. Throws ConfigError for an id that is none or that `kb` does not hold, a
/// condition that is none or that no row meets, and where nothing would be left.
KnowledgeBase without(const KnowledgeBase& kb, const Removal& removal,
                      const std::vector<std::string>& classes);

/// Gives rows other labels, which answer from now on in place of the teacher. `labels` by id; a
/// class of C or more is one of kb.new_classes. Throws DataError naming an id that it lacks.
void relabel(KnowledgeBase& kb, const std::map<std::string, float>& labels);

}  // namespace reaugkd::retrieval
