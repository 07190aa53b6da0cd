// kb.json: what a knowledge base directory holds (docs/reference/files.md). Used by
// knowledge_base.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "retrieval/index_options.h"
#include "retrieval/provenance.h"

namespace reaugkd::retrieval {

inline constexpr const char* kManifestFile = "kb.json";

struct KbManifest {
  std::int64_t rows = 0;                 // N
  std::int64_t dimension = 0;            // D
  std::int64_t num_labels = 0;           // C
  std::vector<std::string> new_classes;  // behind them
  std::string dtype = "fp32";            // of the embeddings: fp32 or fp16
  bool texts = true;                     // whether there is examples.tsv
  IndexDescription index;
  std::map<std::string, std::string> files;  // sha256 by name
  Provenance provenance;
};

/// Throws ArtifactError: no kb.json, another format or metric (found, supported), a key that is
/// missing or out of range.
KbManifest load_kb_manifest(const std::filesystem::path& directory);
/// Throws IoError.
void save_kb_manifest(const KbManifest& manifest, const std::filesystem::path& directory);

}  // namespace reaugkd::retrieval
