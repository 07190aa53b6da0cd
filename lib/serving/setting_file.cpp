#include "serving/setting_file.h"

#include "base/error.h"
#include "base/json.h"
#include "retrieval/setting_json.h"

namespace reaugkd::serving {
namespace {

using base::Json;
using base::json_at;

constexpr std::int64_t kFormat = 1;

Json threshold_json(const Threshold& threshold) {
  Json json = {{"min_probability", threshold.min_probability},
               {"target_precision", threshold.target_precision},
               {"precision", threshold.precision},
               {"coverage", threshold.coverage},
               {"chosen_on", threshold.chosen_on}};
  if (!threshold.computed_in.empty()) json["computed_in"] = threshold.computed_in;
  return json;
}

Threshold threshold_of(const Json& json, const std::string& where) {
  Threshold threshold{
      json_at<double>(json, "min_probability", where),
      json_at<double>(json, "target_precision", where), json_at<double>(json, "precision", where),
      json_at<double>(json, "coverage", where), json_at<std::string>(json, "chosen_on", where)};
  if (json.contains("computed_in")) {
    threshold.computed_in = json_at<std::string>(json, "computed_in", where);
  }
  if (!(threshold.min_probability >= 0 && threshold.min_probability <= 1)) {
    throw base::ArtifactError("{}: min_probability is {}, expected 0 to 1", where,
                              threshold.min_probability);
  }
  return threshold;
}

Json knowledge_base_json(const KnowledgeBaseSetting& setting) {
  Json json;
  retrieval::put_setting(json, setting.retrieval);
  if (setting.retrieval.rule.mode != retrieval::BetaMode::kConstant) {
    json["beta_rule"] = retrieval::rule_json(setting.retrieval.rule);
  }
  json["index"] = setting.index;
  if (setting.candidates) json["candidates"] = *setting.candidates;
  json["rows"] = setting.rows;
  json["kb_sha256"] = setting.kb_sha256;
  return json;
}

KnowledgeBaseSetting knowledge_base_of(const Json& json, const std::string& where) {
  KnowledgeBaseSetting setting;
  setting.retrieval = retrieval::setting_of_json(json, where);
  setting.index = json_at<std::string>(json, "index", where);
  if (json.contains("candidates")) {
    setting.candidates = json_at<std::int64_t>(json, "candidates", where);
  }
  setting.rows = json_at<std::int64_t>(json, "rows", where);
  setting.kb_sha256 = json_at<std::string>(json, "kb_sha256", where);
  return setting;
}

}  // namespace

Setting load_setting(const std::filesystem::path& path) {
  const std::string where = path.string();
  const Json json = base::read_json(path);
  const auto format = json_at<std::int64_t>(json, "format_version", where);
  if (format != kFormat) {
    throw base::ArtifactError("{}: found format {}, this version supports {}", where, format,
                              kFormat);
  }
  Setting setting;
  setting.model_sha256 = json_at<std::string>(json, "model_sha256", where);
  if (json.contains("retrieval")) {
    setting.knowledge_base =
        knowledge_base_of(json_at<Json>(json, "retrieval", where), where + ": retrieval");
  }
  if (json.contains("threshold")) {
    setting.threshold =
        threshold_of(json_at<Json>(json, "threshold", where), where + ": threshold");
  }
  return setting;
}

void save_setting(const Setting& setting, const std::filesystem::path& path) {
  Json json = {{"format_version", kFormat}, {"model_sha256", setting.model_sha256}};
  if (setting.knowledge_base) json["retrieval"] = knowledge_base_json(*setting.knowledge_base);
  if (setting.threshold) json["threshold"] = threshold_json(*setting.threshold);
  base::write_json(path, json);
}

}  // namespace reaugkd::serving
