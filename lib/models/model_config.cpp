#include "models/model_config.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/error.h"
#include "models/families.h"
#include "models/other_heads.h"
#include "models/sentence_folder.h"
#include "models/tell_family.h"

namespace reaugkd::models {
namespace {

using base::ArtifactError;
using base::Json;

struct PoolingName {
  const char* name;
  Pooling value;
};

constexpr std::array<PoolingName, 4> kPoolings = {{{"cls", Pooling::kCls},
                                                   {"mean", Pooling::kMean},
                                                   {"max", Pooling::kMax},
                                                   {"pooler", Pooling::kPooler}}};

std::vector<std::string> read_id2label(const Json& json, const std::string& where) {
  if (!json.contains("id2label") || json["id2label"].is_null()) return {};
  const Json& map = json["id2label"];
  if (!map.is_object()) {
    throw ArtifactError("{}: id2label is {}, expected an object of number to name", where,
                        map.dump());
  }
  std::vector<std::string> labels(map.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = base::json_at<std::string>(map, std::to_string(i), where + ": id2label");
  }
  return labels;
}

/// The object without the keys that are null, which is how Python writes "the default".
Json without_null(const Json& json) {
  Json kept = Json::object();
  for (const auto& [key, value] : json.items()) {
    if (!value.is_null()) kept[key] = value;
  }
  return kept;
}

const Family& read_family(const Json& json, const std::string& where) {
  const auto model_type = base::json_at<std::string>(json, "model_type", where);
  const Family* family = find_family(model_type);
  if (family == nullptr) {
    throw ArtifactError("{}: model_type \"{}\" is not supported; supported: {}", where, model_type,
                        fmt::join(supported_model_types(), ", "));
  }
  return *family;
}

/// problem_type, and what the classifier is for where that is another task than ours.
void read_head(ModelConfig& config, const Json& json, const std::string& where) {
  config.id2label = read_id2label(json, where);
  const auto problem = base::json_value<std::string>(json, "problem_type", "", where);
  if (problem == "regression") config.kind = base::TaskKind::kRegression;
  config.other_classifier = problem == "multi_label_classification"
                                ? "any number of labels a text (problem_type " + problem + ")"
                                : classifier_purpose(json);
}

/// Of the head: id2label, label2id, problem_type.
void put_head(const ModelConfig& config, Json& json) {
  Json id2label = Json::object();
  Json label2id = Json::object();
  for (std::size_t i = 0; i < config.id2label.size(); ++i) {
    id2label[std::to_string(i)] = config.id2label[i];
    label2id[config.id2label[i]] = i;
  }
  json["id2label"] = id2label;
  json["label2id"] = label2id;
  json["problem_type"] =
      config.kind == base::TaskKind::kRegression ? "regression" : "single_label_classification";
}

}  // namespace

std::string to_string(Pooling pooling) {
  return std::ranges::find(kPoolings, pooling, &PoolingName::value)->name;
}

Pooling parse_pooling(const std::string& text) {
  for (const auto& pooling : kPoolings) {
    if (text == pooling.name) return pooling.value;
  }
  throw base::ConfigError("`embedding`: \"{}\" is not one of cls, mean, max, pooler", text);
}

ModelConfig load_config(const std::filesystem::path& directory) {
  const auto path = directory / "config.json";
  const std::string where = path.string();
  if (std::filesystem::exists(directory / kGivenTeacherFile)) {
    throw ArtifactError(
        "{}: holds no model but a teacher's outputs ({}, of project with `teacher_outputs`), and "
        "here a model is run: reaugkd build-kb and distill with `method` kd or rkd take it; give a "
        "model, or leave it out",
        directory.string(), kGivenTeacherFile);
  }
  if (!std::filesystem::exists(path)) {
    check_encoder_is_here(directory);
    throw ArtifactError(
        "{}: is missing; a model directory holds config.json, model.safetensors and a vocabulary",
        where);
  }
  const Json json = without_null(base::read_json(path));
  if (!json.contains("model_type")) check_encoder_is_here(directory);
  std::string told_from;
  const Family& family = json.contains("model_type") ? read_family(json, where)
                                                     : tell_family(json, directory, told_from);
  ModelConfig config = family.read_config(json, where);
  config.family = &family;
  config.told_from = told_from;
  read_head(config, json, where);
  if (json.contains("reaugkd")) config.reaugkd = json["reaugkd"];
  config.published = json;
  return config;
}

void save_config(const ModelConfig& config, const std::filesystem::path& directory) {
  Json keys = config.family->write_config(config);
  put_head(config, keys);
  if (!config.reaugkd.is_null()) keys["reaugkd"] = config.reaugkd;
  Json json = {{"architectures", {config.family->architecture()}},
               {"model_type", config.family->model_type()}};
  std::map<std::string, Json> sorted;
  for (const auto& [key, value] : keys.items()) sorted[key] = value;
  for (const auto& [key, value] : sorted) json[key] = value;
  base::write_json(directory / "config.json", json);
}

}  // namespace reaugkd::models
