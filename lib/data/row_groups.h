// Which rows of train must not be divided between training and holdout. Used by make_split.
//
// Most tasks: rows that share a normalised text, first or second, form a group (pairs do not share
// an empty one), and every row is in exactly one. No chain of them grows long: the largest group
// holds 4 per cent of STS-B's rows, 1.3 of WNLI's, and under half a per cent in the other GLUE
// tasks (QNLI and QQP measured on parts).
//
// Phrase tasks (SST-2): a row and every row that it contains as a run of words must not be divided.
// Closing that over chains is of no use: words such as "good" chain 98 per cent of the 67,349 train
// rows into one group (32 per cent of a sample of 10,000), and the 1,243 others are no fair sample
// (42 per cent positive where train has 56). So a group is a whole sentence (a text that no other
// contains) with all phrases in it; a phrase is in the group of every sentence that contains it,
// and belongs to a side only if all those sentences are there. One that occurs on both sides is
// left out of both. A holdout of 0.1 costs 2.4 per cent of all rows and 1.3 per cent of a sample of
// 10,000, nearly all of them phrases of one to three words. What remains is as balanced as all of
// train (56 per cent positive on both sides) and about as long: holdout 9.9 words (3 per cent of
// its rows are single words), train 9.6 (5 per cent), all of train before 9.4 (6 per cent); dev,
// whole sentences only, 19.5.
#pragma once

#include <cstddef>
#include <vector>

#include "data/dataset.h"

namespace reaugkd::data {

struct RowGroups {
  std::vector<std::vector<std::size_t>> rows_of_group;  // positions in the dataset, ascending
  std::vector<std::size_t> groups_of_row;               // how many groups each row is in, >= 1
};

/// The connected components of rows that share a normalised text; of pairs an empty one is not
/// shared.
RowGroups text_groups(const Dataset& dataset);

/// For each text that no other text contains as a run of words, the rows it contains. For
/// single-sentence tasks.
RowGroups phrase_groups(const Dataset& dataset);

}  // namespace reaugkd::data
