// setting.json: how to answer, as eval has chosen it. eval writes it, export carries it along,
// predict reads it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "retrieval/selection.h"

namespace reaugkd::serving {

inline constexpr const char* kSettingFile = "setting.json";

/// From which probability on an answer is given, and what that was worth where it was chosen.
struct Threshold {
  double min_probability = 0;
  double target_precision = 0;
  double precision = 0;          // of the answers given, on the rows it was chosen on
  double coverage = 0;           // share of the rows that are answered
  std::string chosen_on;         // "holdout:0.1"
  std::string computed_in = {};  // the probabilities: "fp32", "bf16", "int8"; empty: not noted

  bool operator==(const Threshold&) const = default;
};

/// How a knowledge base answers.
struct KnowledgeBaseSetting {
  retrieval::RetrievalSetting retrieval;
  std::string index;                       // "hnsw", "exact"
  std::optional<std::int64_t> candidates;  // of an approximate index
  std::int64_t rows = 0;                   // of the knowledge base it was chosen with
  std::string kb_sha256;                   // of its kb.json
};

struct Setting {
  std::string model_sha256;                            // of the weights and the query head
  std::optional<KnowledgeBaseSetting> knowledge_base;  // none: the model alone
  std::optional<Threshold> threshold;
};

/// Throws IoError, or ArtifactError: a newer format, a key that is missing or out of range.
Setting load_setting(const std::filesystem::path& path);
/// Throws IoError.
void save_setting(const Setting& setting, const std::filesystem::path& path);

}  // namespace reaugkd::serving
