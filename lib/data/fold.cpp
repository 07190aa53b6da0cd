#include "data/fold.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/error.h"
#include "data/row_groups.h"

namespace reaugkd::data {
namespace {

/// The stratum of each row, and how many rows of each the holdout is to have.
struct Strata {
  std::vector<std::size_t> of_row;
  std::vector<std::int64_t> quota;
};

/// Classes, rounded scores; unlabelled rows below them all.
std::vector<std::size_t> stratum_of_rows(const Dataset& rows) {
  const auto key = [](float label) {
    return std::isnan(label) ? -std::numeric_limits<float>::infinity() : std::round(label);
  };
  std::map<float, std::size_t> strata;
  for (const float label : rows.labels) strata.emplace(key(label), 0);
  std::size_t next = 0;
  for (auto& stratum : strata) stratum.second = next++;
  std::vector<std::size_t> result;
  for (const float label : rows.labels) result.push_back(strata.at(key(label)));
  return result;
}

/// Shares out round(fraction n) rows by largest remainder; equal remainders in random order.
Strata make_strata(const Dataset& rows, double fraction, base::Random& random) {
  Strata strata;
  strata.of_row = stratum_of_rows(rows);
  std::vector<std::int64_t> size;
  for (const std::size_t s : strata.of_row) {
    if (s >= size.size()) size.resize(s + 1, 0);
    ++size[s];
  }
  std::int64_t left = std::llround(fraction * static_cast<double>(rows.size()));
  for (const std::int64_t n : size) {
    strata.quota.push_back(static_cast<std::int64_t>(fraction * static_cast<double>(n)));
    left -= strata.quota.back();
  }
  std::vector<std::size_t> order(size.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  random.shuffle(order);
  const auto remainder = [&](std::size_t s) {
    return fraction * static_cast<double>(size[s]) - static_cast<double>(strata.quota[s]);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainder(a) > remainder(b); });
  for (const std::size_t s : order) {
    if (left-- <= 0) break;
    ++strata.quota[s];
  }
  return strata;
}

/// Moves groups to the holdout one by one. A row is held out once all its groups are.
class Holdout {
 public:
  Holdout(const RowGroups& groups, const Strata& strata)
      : groups_(groups),
        strata_(strata),
        groups_left_(groups.groups_of_row),
        room_(strata.quota),
        total_room_(std::accumulate(room_.begin(), room_.end(), std::int64_t{0})),
        taken_(groups.rows_of_group.size(), false) {}

  /// Takes the group unless that gives a stratum more rows than its quota.
  void take_within_quotas(std::size_t group) {
    std::vector<std::int64_t> gain(room_.size(), 0);
    for (const std::size_t row : gained_rows(group)) ++gain[strata_.of_row[row]];
    for (std::size_t s = 0; s < gain.size(); ++s) {
      if (gain[s] > room_[s]) return;
    }
    take(group);
  }

  /// Takes the group unless that gives the holdout more rows than all quotas together.
  void take_within_total(std::size_t group) {
    if (taken_[group]) return;
    if (static_cast<std::int64_t>(gained_rows(group).size()) <= total_room_) take(group);
  }

  bool held_out(std::size_t row) const { return groups_left_[row] == 0; }
  bool trained(std::size_t row) const { return groups_left_[row] == groups_.groups_of_row[row]; }

 private:
  std::vector<std::size_t> gained_rows(std::size_t group) const {
    std::vector<std::size_t> rows;
    for (const std::size_t row : groups_.rows_of_group[group]) {
      if (groups_left_[row] == 1) rows.push_back(row);
    }
    return rows;
  }

  void take(std::size_t group) {
    for (const std::size_t row : gained_rows(group)) {
      --room_[strata_.of_row[row]];
      --total_room_;
    }
    for (const std::size_t row : groups_.rows_of_group[group]) --groups_left_[row];
    taken_[group] = true;
  }

  const RowGroups& groups_;
  const Strata& strata_;
  std::vector<std::size_t> groups_left_;  // of each row: its groups not taken
  std::vector<std::int64_t> room_;        // of each stratum: rows it may still gain
  std::int64_t total_room_;
  std::vector<bool> taken_;
};

Holdout choose_holdout(const RowGroups& groups, const Strata& strata, base::Random& random) {
  std::vector<std::size_t> order(groups.rows_of_group.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  random.shuffle(order);
  Holdout holdout(groups, strata);
  for (const std::size_t group : order) holdout.take_within_quotas(group);
  // Groups of many strata may not have fitted; the few rows still missing come from any stratum.
  for (const std::size_t group : order) holdout.take_within_total(group);
  return holdout;
}

RowGroups groups_of(const Dataset& rows, const Task& task) {
  return task.phrase_groups ? phrase_groups(rows) : text_groups(rows);
}

/// Gives every row of `fold_of_row` its fold: one holdout after the other, each from the rows that
/// are left. A phrase thus is in the last of the folds that its sentences are in.
std::vector<std::int64_t> choose_folds(const Dataset& rows, const Task& task, std::int64_t folds,
                                       std::uint64_t seed) {
  base::Random random(base::stream_seed(seed, "folds"));
  std::vector<std::int64_t> fold_of_row(rows.rows.size(), folds - 1);
  std::vector<std::int64_t> left(rows.rows.size());
  std::iota(left.begin(), left.end(), std::int64_t{0});
  for (std::int64_t fold = 0; fold + 1 < folds && !left.empty(); ++fold) {
    const double fraction = 1 / static_cast<double>(folds - fold);
    for (const std::int64_t i : divide(rows.subset(left), task, fraction, random).held_out) {
      fold_of_row[static_cast<std::size_t>(left[static_cast<std::size_t>(i)])] = fold;
    }
    std::erase_if(
        left, [&](std::int64_t row) { return fold_of_row[static_cast<std::size_t>(row)] == fold; });
  }
  return fold_of_row;
}

}  // namespace

Fold divide(const Dataset& rows, const Task& task, double fraction, base::Random& random) {
  const RowGroups groups = groups_of(rows, task);
  const Strata strata = make_strata(rows, fraction, random);
  const Holdout holdout = choose_holdout(groups, strata, random);
  Fold fold;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    if (holdout.held_out(i)) fold.held_out.push_back(static_cast<std::int64_t>(i));
    if (holdout.trained(i)) fold.trained.push_back(static_cast<std::int64_t>(i));
  }
  return fold;
}

Fold divide_labelled(const Dataset& rows, const Task& task, double fraction, base::Random& random) {
  if (rows.fully_labelled()) return divide(rows, task, fraction, random);
  std::vector<std::int64_t> labelled;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (rows.labelled(i)) labelled.push_back(i);
  }
  const auto in_rows = [&](std::vector<std::int64_t> positions) {
    for (auto& i : positions) i = labelled[static_cast<std::size_t>(i)];
    return positions;
  };
  const Fold of_labelled = divide(rows.subset(labelled), task, fraction, random);
  Fold fold{in_rows(of_labelled.trained), in_rows(of_labelled.held_out)};
  std::vector<bool> held_out(rows.rows.size(), false);
  for (const auto i : fold.held_out) held_out[static_cast<std::size_t>(i)] = true;
  std::vector<bool> near_held_out(rows.rows.size(), false);
  for (const auto& group : groups_of(rows, task).rows_of_group) {
    if (std::none_of(group.begin(), group.end(), [&](auto row) { return held_out[row]; })) continue;
    for (const std::size_t row : group) near_held_out[row] = true;
  }
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (!rows.labelled(i) && !near_held_out[static_cast<std::size_t>(i)]) fold.trained.push_back(i);
  }
  std::sort(fold.trained.begin(), fold.trained.end());
  return fold;
}

std::size_t largest_group(const Dataset& rows, const Task& task) {
  std::size_t largest = 0;
  for (const auto& group : groups_of(rows, task).rows_of_group) {
    largest = std::max(largest, group.size());
  }
  return largest;
}

std::vector<Fold> make_folds(const Dataset& rows, const Task& task, std::int64_t folds,
                             std::uint64_t seed) {
  REAUGKD_CHECK(folds >= 2, "{} folds", folds);
  if (folds > rows.size()) {
    throw base::DataError("{}: {} folds of {} rows: give fewer", rows.path.string(), folds,
                          rows.size());
  }
  const std::vector<std::int64_t> fold_of_row = choose_folds(rows, task, folds, seed);
  const RowGroups groups = groups_of(rows, task);
  std::vector<Fold> result(static_cast<std::size_t>(folds));
  // A group belongs to the fold of its whole sentence, which is in no other group.
  std::vector<std::vector<bool>> touched(result.size(), std::vector<bool>(rows.rows.size(), false));
  for (const auto& group : groups.rows_of_group) {
    const auto whole = std::find_if(group.begin(), group.end(), [&](std::size_t row) {
      return groups.groups_of_row[row] == 1;
    });
    REAUGKD_CHECK(whole != group.end(), "a group without a row of its own");
    const auto fold = static_cast<std::size_t>(fold_of_row[*whole]);
    for (const std::size_t row : group) touched[fold][row] = true;
  }
  for (std::size_t row = 0; row < fold_of_row.size(); ++row) {
    for (std::size_t fold = 0; fold < result.size(); ++fold) {
      const bool held_out = fold_of_row[row] == static_cast<std::int64_t>(fold);
      if (held_out) result[fold].held_out.push_back(static_cast<std::int64_t>(row));
      if (!touched[fold][row]) result[fold].trained.push_back(static_cast<std::int64_t>(row));
    }
  }
  for (const Fold& fold : result) {
    if (!fold.held_out.empty() && !fold.trained.empty()) continue;
    throw base::DataError(
        "{}: {} rows cannot be divided into {} folds without rows that share a text in two of "
        "them (the largest group of such rows has {}): give more rows or fewer folds",
        rows.path.string(), rows.size(), folds, largest_group(rows, task));
  }
  return result;
}

}  // namespace reaugkd::data
