// Named scores in the order in which they are shown: what a metric table, a log line and
// metrics.json hold.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace reaugkd::metrics {

class Scores {
 public:
  Scores() = default;
  Scores(std::initializer_list<std::pair<std::string, double>> scores) : scores_(scores) {}

  void add(std::string name, double value) { scores_.emplace_back(std::move(name), value); }
  /// Those of `more` behind these.
  void add(const Scores& more);
  bool empty() const { return scores_.empty(); }
  std::optional<double> find(const std::string& name) const;
  /// The score of this name, which is there.
  double at(const std::string& name) const;

  bool operator==(const Scores&) const = default;

  auto begin() const { return scores_.begin(); }
  auto end() const { return scores_.end(); }

 private:
  std::vector<std::pair<std::string, double>> scores_;
};

/// An object of name to number, in order.
base::Json to_json(const Scores& scores);
/// The inverse. Throws ArtifactError naming `where`.
Scores scores_of_json(const base::Json& json, const std::string& where);

}  // namespace reaugkd::metrics
