#include "data/split.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "data/fold.h"

namespace reaugkd::data {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr const char* kFileName = "split.json";
constexpr std::string_view kHoldout = "holdout";

void hold_out(const Dataset& rows, const Task& task, TrainSplit& split) {
  base::Random random(base::stream_seed(split.split_seed, "holdout"));
  const auto is_missing = [](float label) { return std::isnan(label); };
  if (std::all_of(rows.labels.begin(), rows.labels.end(), is_missing)) {
    throw base::DataError("{}: no row has a label, so none can be held out: give `validation` dev",
                          rows.path.string());
  }
  const Fold fold = divide_labelled(rows, task, split.validation.fraction, random);
  split.holdout_rows = rows.subset(fold.held_out).rows;
  split.train_rows = rows.subset(fold.trained).rows;
  if (split.holdout_rows.empty() || split.train_rows.empty()) {
    throw base::DataError(
        "{}: {} rows cannot be divided by {}: rows that share a text stay together (at most {} "
        "here), and each part needs some; give more rows, another fraction or `validation` dev",
        rows.path.string(), rows.size(), to_string(split.validation), largest_group(rows, task));
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
    throw base::ArtifactError(
        "{}: has sha256 {}, the inherited split was made for {}: give the same train file, or run "
        "the first stage again",
        train.path.string(), train.sha256, split.train_sha256);
  }
  std::vector<std::int64_t> positions;  // other than the rows where --skip-bad-rows left some out
  positions.reserve(rows.size());
  for (const std::int64_t row : rows) {
    const auto place = std::lower_bound(train.rows.begin(), train.rows.end(), row);
    if (place == train.rows.end() || *place != row) {
      throw base::ArtifactError(
          "{}: names row {}, but {} has {} rows and not this one: run the first stage again",
          kFileName, row, train.path.string(), train.size());
    }
    positions.push_back(place - train.rows.begin());
  }
  return train.subset(positions);
}

/// Whether `value` is a whole number from 0 that fits where rows are counted.
bool is_count(const base::Json& value) {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return value.is_number_unsigned() && value.get<std::uint64_t>() <= kLargest;
}

std::vector<std::int64_t> read_rows(const base::Json& json, const std::string& key,
                                    const std::string& where) {
  const auto place = json.find(key);
  if (place == json.end() || !place->is_array()) {
    throw base::ArtifactError("{}: \"{}\" must be an array of row numbers", where, key);
  }
  std::vector<std::int64_t> rows;
  for (const base::Json& value : *place) {
    if (!is_count(value)) {
      throw base::ArtifactError("{}: \"{}\"[{}] is {}, expected a row number from 0", where, key,
                                rows.size(), value.dump());
    }
    const auto row = value.get<std::int64_t>();
    if (!rows.empty() && rows.back() >= row) {
      throw base::ArtifactError("{}: \"{}\" is not ascending: {} after {}", where, key, row,
                                rows.back());
    }
    rows.push_back(row);
  }
  return rows;
}

base::ArtifactError bad_value(const base::Json& json, const std::string& key,
                              const std::string& expected, const std::string& where) {
  return base::ArtifactError("{}: \"{}\" is {}, expected {}", where, key,
                             json.contains(key) ? json.at(key).dump() : "missing", expected);
}

std::int64_t read_count(const base::Json& json, const std::string& key, const std::string& where) {
  if (!json.contains(key) || !is_count(json.at(key))) {
    throw bad_value(json, key, "a whole number from 0", where);
  }
  return json.at(key).get<std::int64_t>();
}

std::uint64_t read_seed(const base::Json& json, const std::string& key, const std::string& where) {
  if (!json.contains(key) || !json.at(key).is_number_unsigned()) {
    throw bad_value(json, key, "a whole number from 0", where);
  }
  return json.at(key).get<std::uint64_t>();
}

std::string read_text(const base::Json& json, const std::string& key, const std::string& where) {
  if (!json.contains(key) || !json.at(key).is_string()) {
    throw bad_value(json, key, "a text", where);
  }
  return json.at(key).get<std::string>();
}

void check_format(const base::Json& json, const std::string& where) {
  if (!json.is_object()) throw base::ArtifactError("{}: expected a JSON object", where);
  const std::int64_t format = read_count(json, "format", where);
  if (format != kFormat) {
    throw base::ArtifactError(
        "{}: found format {}, this version supports {}: use the version of reaugkd that wrote it, "
        "or run the stage again",
        where, format, kFormat);
  }
}

void check_parts(const TrainSplit& split, const std::string& where) {
  const bool hex = split.train_sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (split.train_sha256.size() != 64 || !hex) {
    throw base::ArtifactError("{}: \"train_sha256\" is \"{}\", expected 64 hex digits", where,
                              split.train_sha256);
  }
  if (split.train_rows.empty() || split.holdout_rows.empty() == split.validation.holdout) {
    throw base::ArtifactError("{}: {} train rows and {} holdout rows do not fit validation {}",
                              where, split.train_rows.size(), split.holdout_rows.size(),
                              to_string(split.validation));
  }
  std::vector<std::int64_t> both;
  std::set_intersection(split.train_rows.begin(), split.train_rows.end(),
                        split.holdout_rows.begin(), split.holdout_rows.end(),
                        std::back_inserter(both));
  if (!both.empty()) {
    throw base::ArtifactError("{}: row {} is both trained on and held out", where, both.front());
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
    throw base::ConfigError(
        "`validation`: \"{}\" is not dev or holdout:F with F between 0 and 1, such as holdout:0.1",
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
  base::Json json;
  json["format"] = kFormat;
  json["validation"] = to_string(split.validation);
  json["split_seed"] = split.split_seed;
  json["max_train_examples"] = split.max_train_examples;
  json["train_sha256"] = split.train_sha256;
  json["train_rows"] = split.train_rows;
  json["holdout_rows"] = split.holdout_rows;
  base::write_json(directory / kFileName, json);
}

TrainSplit load_split(const std::filesystem::path& directory) {
  const std::string where = (directory / kFileName).string();
  const base::Json json = base::read_json(where);
  check_format(json, where);
  TrainSplit split;
  try {
    split.validation = parse_validation(read_text(json, "validation", where));
  } catch (const base::ConfigError& error) {
    throw base::ArtifactError("{}: {}", where, error.what());
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
