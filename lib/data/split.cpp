#include "data/split.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "core/error.h"
#include "core/json.h"
#include "core/random.h"
#include "data/row_groups.h"

namespace reaugkd::data {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr const char* kFileName = "split.json";
constexpr std::string_view kHoldout = "holdout";

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
Strata make_strata(const Dataset& rows, double fraction, core::Random& random) {
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

Holdout choose_holdout(const RowGroups& groups, const Strata& strata, core::Random& random) {
  std::vector<std::size_t> order(groups.rows_of_group.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  random.shuffle(order);
  Holdout holdout(groups, strata);
  for (const std::size_t group : order) holdout.take_within_quotas(group);
  // Groups of many strata may not have fitted; the few rows still missing come from any stratum.
  for (const std::size_t group : order) holdout.take_within_total(group);
  return holdout;
}

std::size_t largest_group(const RowGroups& groups) {
  std::size_t largest = 0;
  for (const auto& rows : groups.rows_of_group) largest = std::max(largest, rows.size());
  return largest;
}

void hold_out(const Dataset& rows, const Task& task, TrainSplit& split) {
  core::Random random(core::stream_seed(split.split_seed, "holdout"));
  const RowGroups groups = task.phrase_groups ? phrase_groups(rows) : text_groups(rows);
  const Strata strata = make_strata(rows, split.validation.fraction, random);
  const Holdout holdout = choose_holdout(groups, strata, random);
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    if (holdout.held_out(i)) split.holdout_rows.push_back(rows.rows[i]);
    if (holdout.trained(i)) split.train_rows.push_back(rows.rows[i]);
  }
  if (split.holdout_rows.empty() || split.train_rows.empty()) {
    throw core::DataError(
        "{}: {} rows cannot be divided by {} without rows that share a text on both sides (the "
        "largest group of such rows has {}): give more rows, another fraction or --validation dev",
        rows.path.string(), rows.size(), to_string(split.validation), largest_group(groups));
  }
  const std::size_t neither =
      rows.rows.size() - split.train_rows.size() - split.holdout_rows.size();
  if (neither > 0) {
    spdlog::info("{}: {} rows share text with both parts and are left out", rows.path.string(),
                 neither);
  }
}

Dataset part(const Dataset& train, const TrainSplit& split, const std::vector<std::int64_t>& rows) {
  if (train.sha256 != split.train_sha256) {
    throw core::ArtifactError(
        "{}: has sha256 {}, the inherited split was made for {}: give the same train file, or run "
        "the first stage again",
        train.path.string(), train.sha256, split.train_sha256);
  }
  if (!rows.empty() && rows.back() >= train.size()) {
    throw core::ArtifactError(
        "{}: names row {}, but {} has only {} rows: run the first stage again", kFileName,
        rows.back(), train.path.string(), train.size());
  }
  REAUGKD_CHECK(train.rows.empty() || train.rows.back() == train.size() - 1,
                "{} rows up to {}: not the whole file", train.size(), train.rows.back());
  return train.subset(rows);  // in a whole file, position and data row are the same
}

/// Whether `value` is a whole number from 0 that fits where rows are counted.
bool is_count(const core::Json& value) {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return value.is_number_unsigned() && value.get<std::uint64_t>() <= kLargest;
}

std::vector<std::int64_t> read_rows(const core::Json& json, const std::string& key,
                                    const std::string& where) {
  const auto place = json.find(key);
  if (place == json.end() || !place->is_array()) {
    throw core::ArtifactError("{}: \"{}\" must be an array of row numbers", where, key);
  }
  std::vector<std::int64_t> rows;
  for (const core::Json& value : *place) {
    if (!is_count(value)) {
      throw core::ArtifactError("{}: \"{}\"[{}] is {}, expected a row number from 0", where, key,
                                rows.size(), value.dump());
    }
    const auto row = value.get<std::int64_t>();
    if (!rows.empty() && rows.back() >= row) {
      throw core::ArtifactError("{}: \"{}\" is not ascending: {} after {}", where, key, row,
                                rows.back());
    }
    rows.push_back(row);
  }
  return rows;
}

core::ArtifactError bad_value(const core::Json& json, const std::string& key,
                              const std::string& expected, const std::string& where) {
  return core::ArtifactError("{}: \"{}\" is {}, expected {}", where, key,
                             json.contains(key) ? json.at(key).dump() : "missing", expected);
}

std::int64_t read_count(const core::Json& json, const std::string& key, const std::string& where) {
  if (!json.contains(key) || !is_count(json.at(key))) {
    throw bad_value(json, key, "a whole number from 0", where);
  }
  return json.at(key).get<std::int64_t>();
}

std::uint64_t read_seed(const core::Json& json, const std::string& key, const std::string& where) {
  if (!json.contains(key) || !json.at(key).is_number_unsigned()) {
    throw bad_value(json, key, "a whole number from 0", where);
  }
  return json.at(key).get<std::uint64_t>();
}

std::string read_text(const core::Json& json, const std::string& key, const std::string& where) {
  if (!json.contains(key) || !json.at(key).is_string()) {
    throw bad_value(json, key, "a text", where);
  }
  return json.at(key).get<std::string>();
}

void check_format(const core::Json& json, const std::string& where) {
  if (!json.is_object()) throw core::ArtifactError("{}: expected a JSON object", where);
  const std::int64_t format = read_count(json, "format", where);
  if (format != kFormat) {
    throw core::ArtifactError(
        "{}: found format {}, this version supports {}: use the version of reaugkd that wrote it, "
        "or run the stage again",
        where, format, kFormat);
  }
}

void check_parts(const TrainSplit& split, const std::string& where) {
  const bool hex = split.train_sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (split.train_sha256.size() != 64 || !hex) {
    throw core::ArtifactError("{}: \"train_sha256\" is \"{}\", expected 64 hex digits", where,
                              split.train_sha256);
  }
  if (split.train_rows.empty() || split.holdout_rows.empty() == split.validation.holdout) {
    throw core::ArtifactError("{}: {} train rows and {} holdout rows do not fit validation {}",
                              where, split.train_rows.size(), split.holdout_rows.size(),
                              to_string(split.validation));
  }
  std::vector<std::int64_t> both;
  std::set_intersection(split.train_rows.begin(), split.train_rows.end(),
                        split.holdout_rows.begin(), split.holdout_rows.end(),
                        std::back_inserter(both));
  if (!both.empty()) {
    throw core::ArtifactError("{}: row {} is both trained on and held out", where, both.front());
  }
}

}  // namespace

Validation parse_validation(const std::string& text) {
  if (text == "dev") return {.holdout = false, .fraction = 0.0};
  if (text == kHoldout) return {};
  Validation validation;
  const std::string prefix = std::string(kHoldout) + ":";
  const char* end = text.data() + text.size();
  const char* begin = text.starts_with(prefix) ? text.data() + prefix.size() : end;
  const auto [stop, error] = std::from_chars(begin, end, validation.fraction);
  if (error != std::errc() || stop != end || !(validation.fraction > 0) ||
      !(validation.fraction < 1)) {
    throw core::ConfigError(
        "--validation: \"{}\" is not dev or holdout:F with F between 0 and 1, such as holdout:0.1",
        text);
  }
  return validation;
}

std::string to_string(const Validation& validation) {
  return validation.holdout ? fmt::format("{}:{}", kHoldout, validation.fraction) : "dev";
}

bool TrainSplit::operator==(const TrainSplit& other) const {
  return to_string(validation) == to_string(other.validation) && split_seed == other.split_seed &&
         max_train_examples == other.max_train_examples && train_sha256 == other.train_sha256 &&
         train_rows == other.train_rows && holdout_rows == other.holdout_rows;
}

TrainSplit make_split(const Dataset& train, const Task& task, const Validation& validation,
                      std::int64_t max_train_examples, std::uint64_t split_seed) {
  TrainSplit split;
  split.validation = validation;
  split.split_seed = split_seed;
  split.max_train_examples = max_train_examples;
  split.train_sha256 = train.sha256;
  const Dataset sampled = train.subset(sample_rows(train.size(), max_train_examples, split_seed));
  if (validation.holdout) {
    hold_out(sampled, task, split);
  } else {
    split.train_rows = sampled.rows;
  }
  return split;
}

void save_split(const TrainSplit& split, const std::filesystem::path& directory) {
  core::Json json;
  json["format"] = kFormat;
  json["validation"] = to_string(split.validation);
  json["split_seed"] = split.split_seed;
  json["max_train_examples"] = split.max_train_examples;
  json["train_sha256"] = split.train_sha256;
  json["train_rows"] = split.train_rows;
  json["holdout_rows"] = split.holdout_rows;
  core::write_json(directory / kFileName, json);
}

TrainSplit load_split(const std::filesystem::path& directory) {
  const std::string where = (directory / kFileName).string();
  const core::Json json = core::read_json(where);
  check_format(json, where);
  TrainSplit split;
  try {
    split.validation = parse_validation(read_text(json, "validation", where));
  } catch (const core::ConfigError& error) {
    throw core::ArtifactError("{}: {}", where, error.what());
  }
  split.split_seed = read_seed(json, "split_seed", where);
  split.max_train_examples = read_count(json, "max_train_examples", where);
  split.train_sha256 = read_text(json, "train_sha256", where);
  split.train_rows = read_rows(json, "train_rows", where);
  split.holdout_rows = read_rows(json, "holdout_rows", where);
  check_parts(split, where);
  return split;
}

Dataset train_part(const Dataset& train, const TrainSplit& split) {
  return part(train, split, split.train_rows);
}

Dataset holdout_part(const Dataset& train, const TrainSplit& split) {
  return part(train, split, split.holdout_rows);
}

}  // namespace reaugkd::data
