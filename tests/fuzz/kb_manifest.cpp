// kb.json.
#include "retrieval/kb_manifest.h"
#include "fuzz.h"
#include "retrieval/index_kinds.h"

// The indexes themselves need LibTorch; their names do not.
std::vector<std::string> reaugkd::retrieval::index_kinds() {
  return {"hnsw", "exact"};
}

void read(const std::string& bytes, const std::filesystem::path& directory) {
  write_quickly(directory / reaugkd::retrieval::kManifestFile, bytes);
  reaugkd::retrieval::load_kb_manifest(directory);
}
