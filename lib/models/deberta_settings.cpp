#include "models/deberta_settings.h"

#include <vector>

#include "base/error.h"
#include "models/config_keys.h"

namespace reaugkd::models {
namespace {

using base::Json;

/// "p2c|c2p", ["p2c", "c2p"] or null.
std::vector<std::string> read_names(const Json& json, const std::string& key,
                                    const std::string& where) {
  if (!has_key(json, key)) return {};
  if (json[key].is_array()) return base::json_at<std::vector<std::string>>(json, key, where);
  std::vector<std::string> names;
  std::string name;
  for (const char c : base::json_at<std::string>(json, key, where) + "|") {
    if (c != '|') {
      if (c != ' ') name += c;
    } else {
      if (!name.empty()) names.push_back(name);
      name.clear();
    }
  }
  return names;
}

void read_kinds(DebertaSettings& settings, const Json& json, const std::string& where) {
  for (const auto& name : read_names(json, "pos_att_type", where)) {
    if (name == "c2p") {
      settings.content_to_position = true;
    } else if (name == "p2c") {
      settings.position_to_content = true;
    } else {
      throw base::ArtifactError("{}: pos_att_type has \"{}\", expected c2p or p2c", where, name);
    }
  }
}

void read_norm(DebertaSettings& settings, const Json& json, const std::string& where) {
  for (const auto& name : read_names(json, "norm_rel_ebd", where)) {
    if (name != "layer_norm" && name != "none") {
      throw base::ArtifactError("{}: norm_rel_ebd has \"{}\", expected layer_norm or none", where,
                                name);
    }
    settings.normed_positions = settings.normed_positions || name == "layer_norm";
  }
}

void read_positions(DebertaSettings& settings, const Json& json, const std::string& where) {
  auto& positions = settings.positions;
  const auto max = key_or<std::int64_t>(json, "max_relative_positions", -1, where);
  positions.max_distance = max < 1 ? positive_or(json, "max_position_embeddings", 512, where)
                                   : positive(json, "max_relative_positions", where);
  if (settings.version == DebertaVersion::kV2) {
    positions.buckets = key_or<std::int64_t>(json, "position_buckets", -1, where);
  }
  positions.span =
      positions.buckets > 0 ? positive(json, "position_buckets", where) : positions.max_distance;
  if (positions.buckets > 0 &&
      (positions.buckets < 4 || positions.max_distance <= positions.buckets / 2 + 1)) {
    throw base::ArtifactError(
        "{}: position_buckets is {} with {} relative positions, expected 4 or more buckets, and "
        "more positions than half of them",
        where, positions.buckets, positions.max_distance);
  }
}

void read_convolution(DebertaSettings& settings, const Json& json, const std::string& where) {
  settings.conv_kernel_size = key_or<std::int64_t>(json, "conv_kernel_size", 0, where);
  if (settings.conv_kernel_size <= 0) {
    settings.conv_kernel_size = 0;
    return;
  }
  settings.conv_groups = positive_or(json, "conv_groups", 1, where);
  if (settings.conv_kernel_size % 2 == 0 || settings.conv_kernel_size > 1000) {
    throw base::ArtifactError("{}: conv_kernel_size is {}, expected an odd number below 1000",
                              where, settings.conv_kernel_size);
  }
  const auto size = positive(json, "hidden_size", where);
  if (size % settings.conv_groups != 0) {
    throw base::ArtifactError("{}: hidden_size {} is not divisible by conv_groups {}", where, size,
                              settings.conv_groups);
  }
  if (has_key(json, "conv_act")) settings.conv_act = read_activation(json, "conv_act", where);
}

}  // namespace

DebertaSettings read_deberta_settings(const Json& json, DebertaVersion version,
                                      const std::string& where) {
  DebertaSettings settings;
  settings.version = version;
  settings.relative_attention = key_or(json, "relative_attention", false, where);
  settings.position_biased_input = key_or(json, "position_biased_input", true, where);
  read_kinds(settings, json, where);
  if (settings.relative_attention) read_positions(settings, json, where);
  if (version == DebertaVersion::kV2) {
    settings.share_att_key = key_or(json, "share_att_key", false, where);
    read_norm(settings, json, where);
    read_convolution(settings, json, where);
  } else {
    only(json, "talking_head", false, where);
  }
  if (has_key(json, "pooler_hidden_act")) {
    settings.pooler_hidden_act = read_activation(json, "pooler_hidden_act", where);
  }
  settings.pooler_dropout = probability(json, "pooler_dropout", 0, where);
  return settings;
}

void write_deberta_settings(const DebertaSettings& settings, Json& json) {
  json["relative_attention"] = settings.relative_attention;
  json["position_biased_input"] = settings.position_biased_input;
  json["pos_att_type"] = Json::array();
  if (settings.position_to_content) json["pos_att_type"].push_back("p2c");
  if (settings.content_to_position) json["pos_att_type"].push_back("c2p");
  const bool as_published = settings.positions.max_distance == json["max_position_embeddings"];
  if (settings.relative_attention) {
    json["max_relative_positions"] = as_published ? -1 : settings.positions.max_distance;
  }
  if (settings.version == DebertaVersion::kV2) {
    if (settings.positions.buckets > 0) json["position_buckets"] = settings.positions.buckets;
    json["share_att_key"] = settings.share_att_key;
    json["norm_rel_ebd"] = settings.normed_positions ? "layer_norm" : "none";
    if (settings.conv_kernel_size > 0) {
      json["conv_kernel_size"] = settings.conv_kernel_size;
      json["conv_groups"] = settings.conv_groups;
      json["conv_act"] = activation_name(settings.conv_act);
    }
  }
  json["pooler_hidden_act"] = activation_name(settings.pooler_hidden_act);
  json["pooler_dropout"] = settings.pooler_dropout;
}

}  // namespace reaugkd::models
