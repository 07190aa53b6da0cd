// metrics.json of eval, both ways.
#include "base/error.h"
#include "evaluation/report.h"
#include "retrieval/setting_json.h"

namespace reaugkd::evaluation {
namespace {

using base::Json;
using metrics::to_json;

/// The mode as it was asked for: of rows that are all alike the rule is constant.
Json rule_json(const std::string& mode, const retrieval::BetaRule& rule) {
  Json json = retrieval::rule_json(rule);
  json["mode"] = mode;
  return json;
}

Json choice_json(const RetrievalChoice& choice) {
  Json json;
  if (const auto& selection = choice.selection) {
    json["selected_on"] = selection->selected_on;
    json["selected_by"] = selection->selected_by;
    if (selection->score) {
      json["validation_score"] = *selection->score;
      json["validation_score_student"] = *selection->score_student;
    }
    json["validation_examples"] = selection->examples;
    json["validation_loss"] = selection->loss;
    json["validation_loss_student"] = selection->loss_student;
  }
  retrieval::put_setting(json, choice.setting);
  if (choice.beta_mode != "constant") {
    json["beta_rule"] = rule_json(choice.beta_mode, choice.setting.rule);
  }
  json["used"] = !choice.unused();
  json["index"] = choice.index;
  if (choice.ef_search) {
    json["ef_search"] = choice.ef_search->ef_search;
    json["ef_search_recall"] = choice.ef_search->recall;
    json["ef_search_selected_on"] = choice.ef_search_selected_on;
  }
  json["rows"] = choice.rows;
  return json;
}

void put_effect(Json& json, const RetrievalEffect& effect, const std::string& beta_mode) {
  const auto& agreement = effect.agreement_with_exact;
  json["agreement_with_exact"] = {{"recall", agreement.recall},
                                  {"mean_difference", agreement.mean_difference},
                                  {"largest_difference", agreement.largest_difference},
                                  {"examples", agreement.examples},
                                  {"changed", agreement.changed}};
  json["same_text"] = effect.same_text;
  if (effect.changed) {
    json["changed"] = effect.changed->changed;
    if (const auto& outcome = effect.changed->outcome) {
      json["wrong_to_right"] = outcome->wrong_to_right;
      json["right_to_wrong"] = outcome->right_to_wrong;
      json["better_of_both"] = to_json(outcome->better_of_both);
    }
  }
  if (!effect.permuted) return;
  Json& permuted = json["permuted"];
  retrieval::put_setting(permuted, effect.permuted->setting);
  permuted["combined"] = to_json(effect.permuted->combined);
  if (beta_mode != "constant") {
    permuted["beta_rule"] = rule_json(beta_mode, effect.permuted->setting.rule);
  }
}

Json scores_json(const PredictorScores& scores, const FileReport& file) {
  Json json;
  json["student"] = to_json(scores.student);
  if (file.with_retrieval) {
    json["retrieval"] = to_json(scores.retrieval);
    json["combined"] = to_json(scores.combined);
  }
  return json;
}

Json part_json(const ClassPart& part, const FileReport& file) {
  Json json = {{"examples", part.examples}};
  if (part.examples > 0) json["metrics"] = scores_json(part.metrics, file);
  return json;
}

Json metrics_json(const FileReport& file) {
  Json json = scores_json(file.metrics, file);
  if (file.with_teacher) json["teacher"] = to_json(file.metrics.teacher);
  return json;
}

Json point_json(const CoveragePoint& point) {
  return {{"min_probability", point.min_probability},
          {"coverage", point.coverage},
          {"accuracy", point.accuracy}};
}

Json threshold_json(const ChosenThreshold& threshold) {
  Json json = {{"target_precision", threshold.target_precision}};
  json.update(point_json(threshold.point));
  json["chosen_on"] = threshold.chosen_on;
  return json;
}

/// All of a file but its scores.
void put_file(Json& json, const FileReport& file, const std::string& beta_mode) {
  if (file.with_retrieval) put_effect(json["retrieval"], file.retrieval, beta_mode);
  if (!file.majority.empty()) json["majority"] = to_json(file.majority);
  if (!file.calibration.student.empty()) {
    json["calibration"] = scores_json(file.calibration, file);
  }
  for (const auto& [name, interval] : file.intervals) {
    json["intervals"][name] = {interval.low, interval.high};
  }
  for (const auto& point : file.coverage) json["coverage"].push_back(point_json(point));
  if (file.old_classes) json["old_classes"] = part_json(*file.old_classes, file);
  if (file.new_classes) json["new_classes"] = part_json(*file.new_classes, file);
  if (!file.confusions.empty()) json["confusions"] = to_json(file.confusions);
  if (!file.warnings.empty()) json["warnings"] = file.warnings;
}

Json quantiles_json(const Quantiles& quantiles) {
  return {{"p50_ms", quantiles.p50}, {"p95_ms", quantiles.p95}, {"p99_ms", quantiles.p99}};
}

Json latency_json(const Latency& latency) {
  Json json;
  json["examples"] = latency.examples;
  json["batch_1"]["model"] = quantiles_json(latency.at_batch_1);
  json["batch_size"] = latency.batch_size;
  json["throughput"]["model"] = latency.examples_per_second;
  if (const auto& retrieval = latency.with_retrieval) {
    json["batch_1"]["with_retrieval"] = quantiles_json(retrieval->at_batch_1);
    json["batch_1"]["overhead_percent"] = retrieval->overhead_percent;
    json["throughput"]["with_retrieval"] = retrieval->examples_per_second;
    json["throughput"]["overhead_percent"] = retrieval->throughput_overhead_percent;
  }
  return json;
}

// The way back.

/// One JSON object of metrics.json, whose numbers and texts are taken by name.
class Section {
 public:
  Section(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object()) {
      throw base::ArtifactError("{}: found {}, expected an object", where_, json.type_name());
    }
  }
  bool has(const char* key) const { return json_.contains(key); }
  const std::string& where() const { return where_; }
  template <typename T>
  T at(const char* key) const {
    return base::json_at<T>(json_, key, where_);
  }
  template <typename T>
  T value(const char* key, T otherwise) const {
    return base::json_value<T>(json_, key, std::move(otherwise), where_);
  }
  Section section(const char* key) const {
    if (!has(key)) throw base::ArtifactError("{}: the key \"{}\" is missing", where_, key);
    return {json_.at(key), where_ + ": " + key};
  }
  /// Empty where it is absent.
  std::vector<ConfusedClasses> confusions(const char* key) const {
    return has(key) ? confusions_of_json(json_.at(key), where_ + ": " + key)
                    : std::vector<ConfusedClasses>();
  }
  metrics::Scores scores(const char* key) const {
    return has(key) ? metrics::scores_of_json(json_.at(key), where_ + ": " + key)
                    : metrics::Scores();
  }
  retrieval::RetrievalSetting setting() const { return retrieval::setting_of_json(json_, where_); }

 private:
  const Json& json_;
  std::string where_;
};

RetrievalChoice choice_of(const Section& json) {
  RetrievalChoice choice;
  choice.setting = json.setting();
  if (json.has("beta_rule")) choice.beta_mode = json.section("beta_rule").at<std::string>("mode");
  if (json.has("selected_on")) {
    SelectionRecord record;
    record.selected_on = json.at<std::string>("selected_on");
    record.selected_by = json.value<std::string>("selected_by", "loss");
    if (json.has("validation_score")) {
      record.score = json.at<double>("validation_score");
      record.score_student = json.at<double>("validation_score_student");
    }
    record.examples = json.value<std::int64_t>("validation_examples", 0);
    record.loss = json.value("validation_loss", 0.0);
    record.loss_student = json.value("validation_loss_student", 0.0);
    choice.selection = record;
  }
  choice.index = json.at<std::string>("index");
  if (json.has("ef_search")) {
    choice.ef_search = {json.at<std::int64_t>("ef_search"), json.at<double>("ef_search_recall")};
    choice.ef_search_selected_on = json.at<std::string>("ef_search_selected_on");
  }
  choice.rows = json.at<std::int64_t>("rows");
  return choice;
}

RetrievalEffect effect_of(const Section& json) {
  RetrievalEffect effect;
  const Section agreement = json.section("agreement_with_exact");
  effect.agreement_with_exact = {
      agreement.at<double>("recall"), agreement.value("mean_difference", 0.0),
      agreement.value("largest_difference", 0.0), agreement.value<std::int64_t>("examples", 0),
      agreement.value<std::int64_t>("changed", 0)};
  effect.same_text = json.value<std::int64_t>("same_text", 0);
  if (json.has("changed")) {
    effect.changed.emplace().changed = json.at<std::int64_t>("changed");
    if (json.has("wrong_to_right")) {
      effect.changed->outcome = {json.at<std::int64_t>("wrong_to_right"),
                                 json.at<std::int64_t>("right_to_wrong"),
                                 json.scores("better_of_both")};
    }
  }
  if (json.has("permuted")) {
    const Section permuted = json.section("permuted");
    effect.permuted = {permuted.setting(), permuted.scores("combined")};
  }
  return effect;
}

ClassPart part_of(const Section& json) {
  ClassPart part{json.at<std::int64_t>("examples"), {}};
  if (!json.has("metrics")) return part;
  const Section scores = json.section("metrics");
  part.metrics = {
      scores.scores("student"), scores.scores("retrieval"), scores.scores("combined"), {}};
  return part;
}

CoveragePoint point_of(const Section& json) {
  return {json.at<double>("min_probability"), json.at<double>("coverage"),
          json.at<double>("accuracy")};
}

/// `metrics` is the key of its scores in `scores`.
FileReport file_of(const Section& json, const Section& scores) {
  FileReport file;
  file.with_teacher = scores.has("teacher");
  file.with_retrieval = json.has("retrieval");
  file.metrics = {scores.scores("student"), scores.scores("retrieval"), scores.scores("combined"),
                  scores.scores("teacher")};
  file.majority = json.scores("majority");
  if (json.has("calibration")) {
    const Section calibration = json.section("calibration");
    file.calibration = {calibration.scores("student"),
                        calibration.scores("retrieval"),
                        calibration.scores("combined"),
                        {}};
  }
  if (file.with_retrieval) file.retrieval = effect_of(json.section("retrieval"));
  if (json.has("intervals")) {
    const Section intervals = json.section("intervals");
    for (const auto& [name, value] : file.metrics.student) {
      if (!intervals.has(name.c_str())) continue;
      const auto ends = intervals.at<Json>(name.c_str());
      if (!ends.is_array() || ends.size() != 2) {
        throw base::ArtifactError("{}: expected two numbers in {}", intervals.where(), name);
      }
      file.intervals.emplace_back(name,
                                  metrics::Interval{ends[0].get<double>(), ends[1].get<double>()});
    }
  }
  if (json.has("coverage")) {
    for (const auto& point : json.at<Json>("coverage")) {
      file.coverage.push_back(point_of({point, json.where() + ": coverage"}));
    }
  }
  if (json.has("old_classes")) file.old_classes = part_of(json.section("old_classes"));
  if (json.has("new_classes")) file.new_classes = part_of(json.section("new_classes"));
  file.confusions = json.confusions("confusions");
  if (json.has("warnings")) file.warnings = json.at<std::vector<std::string>>("warnings");
  return file;
}

Quantiles quantiles_of(const Section& json) {
  return {json.at<double>("p50_ms"), json.at<double>("p95_ms"), json.at<double>("p99_ms")};
}

Latency latency_of(const Section& json) {
  Latency latency;
  const Section single = json.section("batch_1");
  const Section throughput = json.section("throughput");
  latency.examples = json.at<std::int64_t>("examples");
  latency.batch_size = json.at<std::int64_t>("batch_size");
  latency.at_batch_1 = quantiles_of(single.section("model"));
  latency.examples_per_second = throughput.at<double>("model");
  if (single.has("with_retrieval")) {
    latency.with_retrieval = {
        quantiles_of(single.section("with_retrieval")), single.at<double>("overhead_percent"),
        throughput.at<double>("with_retrieval"), throughput.at<double>("overhead_percent")};
  }
  return latency;
}

}  // namespace

Json to_json(const Report& report) {
  const std::string beta_mode = report.retrieval ? report.retrieval->beta_mode : "constant";
  Json json;
  json["task"] = report.task;
  json["split"] = report.split;
  json["examples"] = report.examples;
  if (!report.validation_split.empty()) json["validation_split"] = report.validation_split;
  if (report.retrieval) json["retrieval"] = choice_json(*report.retrieval);
  put_file(json, report.scored, beta_mode);
  json["metrics"] = metrics_json(report.scored);
  if (report.mismatched) {
    json["mismatched"] = Json::object();
    put_file(json["mismatched"], *report.mismatched, beta_mode);
    json["metrics_mismatched"] = metrics_json(*report.mismatched);
  }
  if (report.threshold) json["threshold"] = threshold_json(*report.threshold);
  if (report.latency) json["latency"] = latency_json(*report.latency);
  return json;
}

Report report_of_json(const Json& json, const std::string& where) {
  const Section all(json, where);
  Report report;
  report.task = all.at<std::string>("task");
  report.split = all.at<std::string>("split");
  report.examples = all.at<std::int64_t>("examples");
  report.validation_split = all.value<std::string>("validation_split", "");
  if (all.has("threshold")) {
    const Section threshold = all.section("threshold");
    report.threshold = {threshold.at<double>("target_precision"), point_of(threshold),
                        threshold.at<std::string>("chosen_on")};
  }
  if (all.has("retrieval")) report.retrieval = choice_of(all.section("retrieval"));
  report.scored = file_of(all, all.section("metrics"));
  if (all.has("metrics_mismatched")) {
    report.mismatched = file_of(all.section("mismatched"), all.section("metrics_mismatched"));
  }
  if (all.has("latency")) report.latency = latency_of(all.section("latency"));
  return report;
}

}  // namespace reaugkd::evaluation
