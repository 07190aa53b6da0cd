#include "stages/export_files.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "models/model_directory.h"
#include "retrieval/indexes.h"
#include "retrieval/kb_manifest.h"
#include "retrieval/knowledge_base.h"
#include "run/run_files.h"
#include "stages/kb_place.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;

void copy_to(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (error) {
    throw base::IoError("{}: cannot be copied to {}: {}", from.string(), to.string(),
                        error.message());
  }
}

/// What belongs to training and not to a classifier.
bool of_training(const std::string& name) {
  return name == "projection.safetensors" || name == "features.safetensors" ||
         name == run::kTeacherRunFile || name == "kb.json";
}

/// The knowledge base with other keys or without its texts, and an index over those keys.
void convert(const ExportOptions& options, const fs::path& source, const fs::path& directory) {
  const auto manifest = retrieval::load_kb_manifest(source);
  auto kb = retrieval::load_knowledge_base(
      source, options.without_texts ? retrieval::Texts::kLeave : retrieval::Texts::kRead);
  if (options.kb_dtype != "as-is") {
    kb.embeddings = kb.embeddings.to(retrieval::dtype_by_name(options.kb_dtype));
  }
  const auto* kind = retrieval::find_index_kind(manifest.index.kind);
  REAUGKD_CHECK(kind != nullptr, "index {}", manifest.index.kind);
  const auto index = retrieval::build_index(*kind, kb.embeddings, manifest.index.options);
  retrieval::save_knowledge_base(kb, *index, manifest.index.options, directory);
}

}  // namespace

void copy_model(const fs::path& model, const fs::path& folder) {
  std::set<std::string> names;
  for (const std::string name : run::kReadByStages) {
    if (!of_training(name) && fs::exists(model / name)) names.insert(name);
  }
  for (const auto& name : models::weight_files(model)) names.insert(name);
  for (const auto& name : names) {
    fs::create_directories((folder / name).parent_path());
    copy_to(model / name, folder / name);
  }
}

void write_knowledge_base(const ExportOptions& options, const fs::path& directory) {
  const fs::path source = options.kb;
  fs::create_directories(directory);
  const auto manifest = retrieval::load_kb_manifest(source);
  const bool same_dtype = options.kb_dtype == "as-is" || options.kb_dtype == manifest.dtype;
  if (same_dtype && !options.without_texts) {
    for (const auto& [name, digest] : manifest.files) copy_to(source / name, directory / name);
    if (fs::exists(source / retrieval::kHistoryFile)) {
      copy_to(source / retrieval::kHistoryFile, directory / retrieval::kHistoryFile);
    }
    copy_to(source / retrieval::kManifestFile, directory / retrieval::kManifestFile);
  } else {
    convert(options, source, directory);
  }
  if (fs::exists(source / "split.json")) copy_to(source / "split.json", directory / "split.json");
}

void write_sums(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const auto name = entry.path().lexically_relative(folder).generic_string();
    const auto file = entry.path().filename().string();
    const bool written_last = file == run::kRunFile || file == run::kMetricsFile ||
                              file == run::kLogFile || file == kSumsFile || file == ".lock";
    if (entry.is_regular_file() && !written_last) names.push_back(name);
  }
  std::ranges::sort(names);
  std::string text;
  for (const auto& name : names) {
    text += fmt::format("{}  {}\n", base::sha256_of_file(folder / name), name);
  }
  base::write_file(folder / kSumsFile, text);
}

void refresh_sums(const fs::path& kb_directory) {
  const auto whole = fs::weakly_canonical(kb_directory);
  const auto folder = whole.parent_path();
  if (whole.filename() == kKbFolder && fs::exists(folder / kSumsFile)) write_sums(folder);
}

}  // namespace reaugkd::stages
