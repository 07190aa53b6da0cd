// sweep.tsv: how every setting of eval's grids would have done, for tables and pictures over k,
// beta, tau' and T.
#pragma once

#include <string>
#include <vector>

#include "data/task.h"
#include "evaluation/retriever.h"
#include "retrieval/selection.h"

namespace reaugkd::evaluation {

/// Labelled rows as the student sees them, with neighbors for the largest k of the grid.
struct LabelledQueries {
  Queries queries;
  std::vector<float> labels;
};

/// A header and a line for each k, tau', beta (the same for every row) and T: the loss on the
/// validation part, the loss on the scored rows, and the task's metrics there.
std::string sweep_table(const retrieval::RetrievalGrid& grid, const data::Task& task,
                        const std::vector<retrieval::SoftLabels>& soft_labels,
                        const LabelledQueries& validation, const LabelledQueries& scored);

}  // namespace reaugkd::evaluation
