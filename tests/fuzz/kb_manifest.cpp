// kb.json.
#include "retrieval/kb_manifest.h"
#include "fuzz.h"

void read(const std::string& bytes, const std::filesystem::path& directory) {
  write_quickly(directory / reaugkd::retrieval::kManifestFile, bytes);
  reaugkd::retrieval::load_kb_manifest(directory);
}
