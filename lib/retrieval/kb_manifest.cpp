#include "retrieval/kb_manifest.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "retrieval/index_kinds.h"

namespace reaugkd::retrieval {
namespace {

using base::ArtifactError;
using base::Json;

constexpr int kFormat = 3;  // 1 had no dtype: all were fp32; 2 had no new classes
constexpr int kOldestFormat = 1;
constexpr const char* kMetric = "inner_product";

const Json& section(const Json& value, const char* key, const std::string& where) {
  if (!value.is_object() || !value.contains(key) || !value.at(key).is_object()) {
    throw ArtifactError("{}: the key \"{}\" is missing or no object", where, key);
  }
  return value.at(key);
}

void check_kind(const Json& json, const std::string& where) {
  const auto format = base::json_at<std::int64_t>(json, "format", where);
  if (format < kOldestFormat || format > kFormat) {
    throw ArtifactError("{}: found format {}, supported are {} to {}: {}", where, format,
                        kOldestFormat, kFormat,
                        format > kFormat ? "a newer reaugkd wrote it" : "it is damaged");
  }
  const auto metric = base::json_at<std::string>(json, "metric", where);
  if (metric != kMetric) {
    throw ArtifactError("{}: found metric {}, expected {}", where, metric, kMetric);
  }
}

IndexDescription index_description(const Json& index, const std::string& where) {
  IndexDescription description{base::json_at<std::string>(index, "kind", where), {}};
  const auto kinds = index_kinds();
  if (std::ranges::find(kinds, description.kind) == kinds.end()) {
    throw ArtifactError("{}: found an index of kind \"{}\", expected one of {}", where,
                        description.kind, fmt::join(kinds, ", "));
  }
  if (description.kind == kExactIndex) return description;
  IndexOptions& options = description.options;
  options.M = base::json_at<std::int64_t>(index, "M", where);
  options.ef_construction = base::json_at<std::int64_t>(index, "ef_construction", where);
  options.ef_search = base::json_at<std::int64_t>(index, "ef_search", where);
  options.seed = base::json_at<std::uint64_t>(index, "seed", where);
  options.threads = base::json_at<int>(index, "threads", where);
  if (options.M < 2 || options.M > 10'000 || options.ef_construction < 1 || options.ef_search < 1 ||
      options.threads < 1) {
    throw ArtifactError(
        "{}: the index's M {}, ef_construction {}, ef_search {} or threads {} is out of range",
        where, options.M, options.ef_construction, options.ef_search, options.threads);
  }
  return description;
}

Json index_json(const IndexDescription& index) {
  if (index.kind == kExactIndex) return {{"kind", kExactIndex}};
  return {{"kind", index.kind},
          {"M", index.options.M},
          {"ef_construction", index.options.ef_construction},
          {"ef_search", index.options.ef_search},
          {"seed", index.options.seed},
          {"threads", index.options.threads}};
}

}  // namespace

KbManifest load_kb_manifest(const std::filesystem::path& directory) {
  const auto path = directory / kManifestFile;
  if (!std::filesystem::exists(path)) {
    throw ArtifactError("{}: is missing: {} holds no finished knowledge base; run build-kb",
                        path.string(), directory.string());
  }
  const std::string where = path.string();
  const Json json = base::read_json(path);
  check_kind(json, where);
  KbManifest manifest;
  manifest.rows = base::json_at<std::int64_t>(json, "rows", where);
  manifest.dimension = base::json_at<std::int64_t>(json, "dimension", where);
  manifest.num_labels = base::json_at<std::int64_t>(json, "num_labels", where);
  if (manifest.rows < 1 || manifest.dimension < 1 || manifest.num_labels < 1) {
    throw ArtifactError("{}: rows {}, dimension {}, num_labels {}: each must be at least 1", where,
                        manifest.rows, manifest.dimension, manifest.num_labels);
  }
  manifest.new_classes = base::json_value<std::vector<std::string>>(json, "new_classes", {}, where);
  const std::set<std::string> distinct(manifest.new_classes.begin(), manifest.new_classes.end());
  if (distinct.size() != manifest.new_classes.size() || distinct.contains("")) {
    throw ArtifactError("{}: new_classes: found {}, expected different names", where,
                        base::few_names(manifest.new_classes));
  }
  manifest.dtype = base::json_value<std::string>(json, "dtype", "fp32", where);
  if (manifest.dtype != "fp32" && manifest.dtype != "fp16") {
    throw ArtifactError("{}: found dtype {}, expected fp32 or fp16", where, manifest.dtype);
  }
  manifest.texts = base::json_value(json, "texts", true, where);
  manifest.index = index_description(section(json, "index", where), where);
  const Json& files = section(json, "files", where);
  for (const auto& [name, digest] : files.items()) {
    manifest.files[name] = base::json_at<std::string>(files, name, where + ": files");
  }
  manifest.provenance =
      Provenance::from_json(section(json, "provenance", where), where + ": provenance");
  return manifest;
}

void save_kb_manifest(const KbManifest& manifest, const std::filesystem::path& directory) {
  base::write_json(directory / kManifestFile, {{"format", kFormat},
                                               {"rows", manifest.rows},
                                               {"dimension", manifest.dimension},
                                               {"num_labels", manifest.num_labels},
                                               {"new_classes", manifest.new_classes},
                                               {"dtype", manifest.dtype},
                                               {"texts", manifest.texts},
                                               {"metric", kMetric},
                                               {"index", index_json(manifest.index)},
                                               {"files", manifest.files},
                                               {"provenance", manifest.provenance.to_json()}});
}

}  // namespace reaugkd::retrieval
