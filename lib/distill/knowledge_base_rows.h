// Between data sets and a knowledge base: the rows that a teacher makes of a data set, and a
// knowledge base's texts as a data set.
#pragma once

#include "distill/key_maker.h"
#include "retrieval/knowledge_base.h"
#include "train/features.h"

namespace reaugkd::distill {

/// A row for each of `rows`: its key, p^T = softmax(l^T); where the rows came with
/// distributions, these are p^T, and l^T = log p^T (p^T at least 1e-12). `features` are of exactly
/// these rows.
retrieval::KnowledgeBase knowledge_base_of(const train::Features& features, const KeyMaker& keys,
                                           const data::Dataset& rows, base::TaskKind kind);

/// The rows' texts as a data set of the task, to be read by a model. The texts must be there.
data::Dataset dataset_of(const retrieval::KnowledgeBase& kb);

}  // namespace reaugkd::distill
