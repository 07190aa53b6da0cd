// Rows that are held out and rows that are trained on: one division (the holdout) and F of them
// (cross-fit). Used by split.cpp and build-kb --cross-fit.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "data/dataset.h"
#include "data/task.h"

namespace reaugkd::data {

/// Positions in a data set, ascending.
struct Fold {
  std::vector<std::int64_t> trained;
  std::vector<std::int64_t> held_out;
};

/// Holds out about `fraction` of the rows: stratified by label (scores by rounded label, unlabelled
/// rows apart), and grouped as row_groups.h says, so that rows that share a text, or in a phrase
/// task contain one another, never stand on two sides. A row that would have to stand on both is in
/// neither. Either side may be empty.
Fold divide(const Dataset& rows, const Task& task, double fraction, base::Random& random);

/// divide() among the rows with labels: one without validates nothing. It is trained on, unless it
/// is grouped with a row that is held out: then it is in neither.
Fold divide_labelled(const Dataset& rows, const Task& task, double fraction, base::Random& random);

/// Rows of the largest group.
std::size_t largest_group(const Dataset& rows, const Task& task);

/// Divides `rows` into `folds` >= 2 parts by the same rules. Every row is held out in one fold and
/// is trained on in those that hold out no row it is grouped with: a phrase whose sentences are in
/// several folds is trained on in none of these, and held out in the last of them. Throws DataError
/// where a fold would be empty.
std::vector<Fold> make_folds(const Dataset& rows, const Task& task, std::int64_t folds,
                             std::uint64_t seed);

}  // namespace reaugkd::data
