#include "stages/kb_place.h"

#include "retrieval/kb_manifest.h"

namespace reaugkd::stages {

std::filesystem::path knowledge_base_in(const std::filesystem::path& directory) {
  const auto inner = directory / kKbFolder;
  return std::filesystem::exists(inner / retrieval::kManifestFile) ? inner : directory;
}

}  // namespace reaugkd::stages
