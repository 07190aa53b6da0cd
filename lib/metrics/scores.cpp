#include "metrics/scores.h"

#include "base/error.h"

namespace reaugkd::metrics {

void Scores::add(const Scores& more) {
  scores_.insert(scores_.end(), more.begin(), more.end());
}

std::optional<double> Scores::find(const std::string& name) const {
  for (const auto& [known, value] : scores_) {
    if (known == name) return value;
  }
  return std::nullopt;
}

double Scores::at(const std::string& name) const {
  const auto found = find(name);
  REAUGKD_CHECK(found.has_value(), "no score {}", name);
  return *found;
}

base::Json to_json(const Scores& scores) {
  base::Json json = base::Json::object();
  for (const auto& [name, value] : scores) json[name] = value;
  return json;
}

Scores scores_of_json(const base::Json& json, const std::string& where) {
  Scores scores;
  for (const auto& [name, value] : json.items()) {
    scores.add(name, base::json_at<double>(json, name, where));
  }
  return scores;
}

}  // namespace reaugkd::metrics
