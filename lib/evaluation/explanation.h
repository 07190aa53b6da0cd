// Examples where retrieval changed the outcome, laid out as the paper's example figure: the text,
// the student's prediction, the neighbors with what the teacher said of them, the combined
// prediction.
#pragma once

#include <string>

#include "data/dataset.h"
#include "evaluation/prediction_files.h"
#include "evaluation/retriever.h"
#include "retrieval/knowledge_base.h"
#include "retrieval/selection.h"

namespace reaugkd::evaluation {

/// Up to `count` rows: those whose prediction retrieval changed, by how far it moved them, then, if
/// these are too few, the rows it moved most. `queries.neighbors` are those of `predictions`.
std::string explain(std::int64_t count, const data::Task& task, const data::Dataset& rows,
                    const Queries& queries, const RowPredictions& predictions,
                    const Retriever& retriever, const retrieval::RetrievalSetting& setting);

}  // namespace reaugkd::evaluation
