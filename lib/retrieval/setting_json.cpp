#include "retrieval/setting_json.h"

#include "base/error.h"

namespace reaugkd::retrieval {
namespace {

using base::Json;
using base::json_at;
using base::json_value;

/// parse(text), of which a wrong value is the file's fault here.
template <typename Parse>
auto of_file(const std::string& where, const Parse& parse) {
  try {
    return parse();
  } catch (const base::ConfigError& error) {
    throw base::ArtifactError("{}: {}", where, error.what());
  }
}

Json object_at(const Json& json, const char* key, const std::string& where) {
  const auto value = json_at<Json>(json, key, where);
  if (!value.is_object()) {
    throw base::ArtifactError("{}: \"{}\" is {}, expected an object", where, key,
                              value.type_name());
  }
  return value;
}

}  // namespace

Json rule_json(const BetaRule& rule) {
  if (rule.mode != BetaMode::kGate) {
    return {{"mode", to_string(rule.mode)}, {"slope", rule.slope}, {"center", rule.center}};
  }
  Json weights;
  const auto& names = gate_feature_names();
  for (std::size_t i = 0; i < names.size(); ++i) weights[names[i]] = rule.gate.weights[i];
  return {{"mode", to_string(rule.mode)},
          {"bias", rule.gate.bias},
          {"weights", weights},
          {"known_classes", rule.known_classes}};
}

BetaRule rule_of_json(const Json& json, const std::string& where) {
  BetaRule rule;
  const auto mode = json_at<std::string>(json, "mode", where);
  rule.mode = of_file(where, [&] { return parse_beta_mode(mode); });
  if (rule.mode != BetaMode::kGate) {
    rule.slope = json_at<double>(json, "slope", where);
    rule.center = json_at<double>(json, "center", where);
    return rule;
  }
  rule.gate.bias = json_at<double>(json, "bias", where);
  const Json weights = object_at(json, "weights", where);
  for (const auto& name : gate_feature_names()) {
    rule.gate.weights.push_back(json_at<double>(weights, name, where));
  }
  rule.known_classes = json_at<std::int64_t>(json, "known_classes", where);
  return rule;
}

void put_setting(Json& json, const RetrievalSetting& setting) {
  json["k"] = setting.k;
  json["beta"] = setting.beta;
  json["tau"] = setting.tau;
  json["kb_temperature"] = setting.answers.temperature;
  if (setting.balance != 0) json["class_balance"] = setting.balance;
  if (setting.answers.source == AnswerSource::kAuto) return;  // what it always was
  json["soft_labels"] = to_string(setting.answers.source);
  if (setting.answers.source == AnswerSource::kMix) {
    json["label_weight"] = setting.answers.label_weight;
  }
}

RetrievalSetting setting_of_json(const Json& json, const std::string& where) {
  RetrievalSetting setting;
  setting.k = json_at<std::int64_t>(json, "k", where);
  setting.beta = json_at<double>(json, "beta", where);
  setting.tau = json_at<double>(json, "tau", where);
  setting.answers.temperature = json_value(json, "kb_temperature", 1.0, where);
  const auto source = json_value<std::string>(json, "soft_labels", "auto", where);
  setting.answers.source = of_file(where, [&] { return parse_answer_source(source); });
  setting.answers.label_weight = json_value(json, "label_weight", 0.5, where);
  setting.balance = json_value(json, "class_balance", 0.0, where);
  if (json.contains("beta_rule")) {
    setting.rule = rule_of_json(object_at(json, "beta_rule", where), where + ": beta_rule");
  }
  const bool sensible = setting.k >= 1 && setting.beta >= 0 && setting.beta <= 1 &&
                        setting.tau > 0 && setting.answers.temperature > 0 &&
                        setting.balance >= 0 && setting.balance <= 1;
  if (!sensible) {
    throw base::ArtifactError(
        "{}: k is {}, beta {}, tau {}, kb_temperature {}, class_balance {}: one of them is out of "
        "range",
        where, setting.k, setting.beta, setting.tau, setting.answers.temperature, setting.balance);
  }
  return setting;
}

}  // namespace reaugkd::retrieval
