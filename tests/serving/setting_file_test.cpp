#include "serving/setting_file.h"

#include "base/error.h"
#include "base/json.h"
#include "catch.h"
#include "temporary_directory.h"

namespace reaugkd::serving {
namespace {

Setting with_gate() {
  retrieval::RetrievalSetting setting;
  setting.k = 16;
  setting.beta = 0.1 + 0.2;  // no short decimal
  setting.tau = 0.05;
  setting.balance = 0.25;
  setting.answers = {1.5, retrieval::AnswerSource::kMix, 0.75};
  setting.rule.mode = retrieval::BetaMode::kGate;
  setting.rule.gate = {1.0 / 3, {-0.1, 2e-9, 7}};
  setting.rule.known_classes = 60;
  return {"model", KnowledgeBaseSetting{setting, "hnsw", 65, 900, "kb"},
          Threshold{0.7, 0.95, 0.96, 0.8, "holdout:0.1", "bf16"}};
}

TEST_CASE("a setting comes back to the last bit") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / kSettingFile;
  const Setting before = with_gate();
  save_setting(before, path);
  const Setting after = load_setting(path);
  CHECK(after.model_sha256 == "model");
  REQUIRE(after.knowledge_base);
  const auto& a = after.knowledge_base->retrieval;
  const auto& b = before.knowledge_base->retrieval;
  CHECK(a.k == b.k);
  CHECK(a.beta == b.beta);
  CHECK(a.tau == b.tau);
  CHECK(a.balance == b.balance);
  CHECK(a.answers == b.answers);
  CHECK(a.rule.mode == b.rule.mode);
  CHECK(a.rule.gate.bias == b.rule.gate.bias);
  CHECK(a.rule.gate.weights == b.rule.gate.weights);
  CHECK(a.rule.known_classes == 60);
  CHECK(after.knowledge_base->candidates == 65);
  CHECK(after.knowledge_base->index == "hnsw");
  CHECK(after.threshold == before.threshold);
}

TEST_CASE("a beta by similarity comes back, and a model alone has no retrieval") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / kSettingFile;
  Setting setting = with_gate();
  setting.knowledge_base->retrieval.rule = {retrieval::BetaMode::kSimilarity, -2, 0.75};
  save_setting(setting, path);
  const auto rule = load_setting(path).knowledge_base->retrieval.rule;
  CHECK(rule.mode == retrieval::BetaMode::kSimilarity);
  CHECK(rule.slope == -2);
  CHECK(rule.center == 0.75);
  save_setting({"model", {}, {}}, path);
  CHECK_FALSE(load_setting(path).knowledge_base);
  CHECK_FALSE(load_setting(path).threshold);
}

TEST_CASE("a damaged setting is refused, and says why") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / kSettingFile;
  save_setting(with_gate(), path);
  const auto whole = base::read_json(path);
  const auto refused = [&](const base::Json& json) {
    base::write_json(path, json);
    CHECK_THROWS_AS(load_setting(path), base::ArtifactError);
  };
  auto json = whole;
  json["format_version"] = 2;
  refused(json);
  for (const auto& [key, value] : whole.items()) {
    if (key == "retrieval" || key == "threshold") continue;  // may be absent
    json = whole;
    json.erase(key);
    refused(json);
  }
  for (const char* key : {"k", "beta", "tau", "index", "rows", "kb_sha256"}) {
    json = whole;
    json["retrieval"].erase(key);
    refused(json);
  }
  const std::pair<const char*, base::Json> wrong[] = {{"k", 0},
                                                      {"beta", 1.5},
                                                      {"tau", 0},
                                                      {"class_balance", 2},
                                                      {"soft_labels", "guess"},
                                                      {"beta_rule", "gate"},
                                                      {"beta_rule", {{"mode", "guess"}}}};
  for (const auto& [key, value] : wrong) {
    json = whole;
    json["retrieval"][key] = value;
    refused(json);
  }
  json = whole;
  json["retrieval"]["beta_rule"]["weights"].erase("agreement");
  refused(json);
  json = whole;
  json["threshold"]["min_probability"] = 2;
  refused(json);
  CHECK_THROWS_AS(load_setting(directory.path() / "none"), base::IoError);
}

}  // namespace
}  // namespace reaugkd::serving
