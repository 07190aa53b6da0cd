#include "retrieval/knowledge_base.h"

#include <algorithm>
#include <exception>
#include <future>

#include "core/error.h"
#include "core/file.h"
#include "core/sha256.h"
#include "retrieval/examples_file.h"
#include "retrieval/fp32_rows.h"
#include "tensor/safetensors.h"

namespace reaugkd::retrieval {
namespace {

using core::ArtifactError;
using core::Json;

constexpr int kFormat = 2;  // 1 had no dtype: all were fp32
constexpr int kOldestFormat = 1;
constexpr const char* kManifestFile = "kb.json";
constexpr const char* kTensorsFile = "kb.safetensors";
constexpr const char* kExamplesFile = "examples.tsv";
constexpr const char* kIndexFile = "index.hnsw";
constexpr const char* kMetric = "inner_product";
// Of a length: fp32 normalisation is good to 1e-6, rounding to fp16 moves it by up to 2^-11.
constexpr double kUnitTolerance = 1e-4;
constexpr double kHalfUnitTolerance = 1e-3;
constexpr double kSumTolerance = 1e-4;  // of a distribution

const Json& section(const Json& value, const std::string& key, const std::string& where) {
  if (!value.is_object() || !value.contains(key) || !value.at(key).is_object()) {
    throw ArtifactError("{}: the key \"{}\" is missing or no object", where, key);
  }
  return value.at(key);
}

/// kb.json, of a format that we know.
Json read_manifest(const std::filesystem::path& directory) {
  const auto path = directory / kManifestFile;
  if (!std::filesystem::exists(path)) {
    throw ArtifactError("{}: is missing: {} holds no finished knowledge base; run build-kb",
                        path.string(), directory.string());
  }
  const std::string where = path.string();
  Json manifest = core::read_json(path);
  const auto format = core::json_at<std::int64_t>(manifest, "format", where);
  if (format < kOldestFormat || format > kFormat) {
    throw ArtifactError("{}: found format {}, supported are {} to {}: {}", where, format,
                        kOldestFormat, kFormat,
                        format > kFormat ? "a newer reaugkd wrote it" : "it is damaged");
  }
  const auto metric = core::json_at<std::string>(manifest, "metric", where);
  if (metric != kMetric) {
    throw ArtifactError("{}: found metric {}, expected {}", where, metric, kMetric);
  }
  return manifest;
}

torch::ScalarType dtype_of(const Json& manifest, const std::string& where) {
  const auto name = core::json_value<std::string>(manifest, "dtype", "fp32", where);
  if (name != "fp32" && name != "fp16") {
    throw ArtifactError("{}: found dtype {}, expected fp32 or fp16", where, name);
  }
  return dtype_by_name(name);
}

/// read(path) of a file that kb.json names. Its checksum is compared meanwhile: of a large file
/// that takes longest. A wrong one is what is reported, whatever else is wrong with the file.
template <typename Read>
auto read_checked(const std::filesystem::path& directory, const Json& manifest, const char* name,
                  const Read& read) {
  const std::string where = (directory / kManifestFile).string();
  const auto expected = core::json_at<std::string>(section(manifest, "files", where), name, where);
  const auto path = directory / name;
  if (!std::filesystem::exists(path)) {
    throw ArtifactError("{}: is missing, but {} names it; run build-kb again", path.string(),
                        where);
  }
  auto digest = std::async(std::launch::async, [&] { return core::sha256_of_file(path); });
  std::optional<decltype(read(path))> value;
  std::exception_ptr failure;
  try {
    value = read(path);
  } catch (...) {
    failure = std::current_exception();
  }
  const std::string found = digest.get();
  if (found != expected) {
    throw ArtifactError(
        "{}: its sha256 is {}, but {} says {}: the file is damaged or was replaced; run build-kb "
        "again",
        path.string(), found, where, expected);
  }
  if (failure) std::rethrow_exception(failure);
  return std::move(*value);
}

torch::Tensor tensor_of_ids(const std::vector<core::ExampleId>& ids) {
  const auto rows = torch::empty({static_cast<std::int64_t>(ids.size()), 2}, torch::kInt64);
  auto* next = rows.data_ptr<std::int64_t>();
  for (const auto& id : ids) {
    *next++ = static_cast<std::int64_t>(id.file);
    *next++ = id.row;
  }
  return rows;
}

std::vector<core::ExampleId> ids_of_tensor(const torch::Tensor& rows) {
  const auto* next = rows.data_ptr<std::int64_t>();
  std::vector<core::ExampleId> ids(static_cast<std::size_t>(rows.size(0)));
  for (auto& id : ids) {
    id.file = static_cast<std::uint64_t>(*next++);
    id.row = *next++;
  }
  return ids;
}

/// The first row of `wrong` (N) that is true, or -1.
std::int64_t first_wrong(const torch::Tensor& wrong) {
  return wrong.any().item<bool>() ? wrong.to(torch::kUInt8).argmax().item<std::int64_t>() : -1;
}

void check_lengths(const torch::Tensor& embeddings, const std::string& where) {
  const double tolerance =
      embeddings.scalar_type() == torch::kFloat16 ? kHalfUnitTolerance : kUnitTolerance;
  for_each_fp32_block(embeddings, [&](std::int64_t begin, const torch::Tensor& rows) {
    const auto norms = rows.norm(2, 1);
    const auto row = first_wrong(((norms - 1).abs() <= tolerance).logical_not());
    if (row < 0) return;
    throw ArtifactError("{}: embedding {} has length {}, expected 1", where, begin + row,
                        norms[row].item<float>());
  });
}

/// No id twice. Those of one file, which is most, are ascending and need no table.
void check_ids(const KnowledgeBase& kb) {
  const auto after = [](const core::ExampleId& a, const core::ExampleId& b) {
    return std::pair(a.file, a.row) >= std::pair(b.file, b.row);
  };
  const auto& ids = kb.ids;
  if (std::adjacent_find(ids.begin(), ids.end(), after) != ids.end()) rows_by_id(kb);
}

/// The values of each row, whoever wrote them; the shapes are right.
void check_rows(const KnowledgeBase& kb, const std::string& where) {
  check_lengths(kb.embeddings, where);
  if (const auto row = first_wrong(kb.logits.isfinite().all(1).logical_not()); row >= 0) {
    throw ArtifactError("{}: the logits of row {} are not finite", where, row);
  }
  if (const auto row = first_wrong(kb.soft_labels.isfinite().all(1).logical_not()); row >= 0) {
    throw ArtifactError("{}: the soft labels of row {} are not finite", where, row);
  }
  if (const auto row = first_wrong(kb.labels.isinf()); row >= 0) {
    throw ArtifactError("{}: the label of row {} is not finite", where, row);
  }
  check_ids(kb);
  if (kb.num_labels() == 1) return;  // regression: soft labels are scores
  const auto wrong =
      (kb.soft_labels.sum(1) - 1).abs().gt(kSumTolerance).logical_or(kb.soft_labels.lt(0).any(1));
  if (const auto row = first_wrong(wrong); row >= 0) {
    throw ArtifactError(
        "{}: the soft labels of row {} are no distribution: {}", where, row,
        fmt::join(std::vector<float>(kb.soft_labels[row].data_ptr<float>(),
                                     kb.soft_labels[row].data_ptr<float>() + kb.num_labels()),
                  " "));
  }
  const auto known = kb.labels.isnan().logical_not();
  const auto no_class = (kb.labels < 0)
                            .logical_or(kb.labels >= kb.num_labels())
                            .logical_or(kb.labels != kb.labels.floor());
  if (const auto row = first_wrong(known.logical_and(no_class)); row >= 0) {
    throw ArtifactError("{}: the label of row {} is {}, expected one of {} classes", where, row,
                        kb.labels[row].item<float>(), kb.num_labels());
  }
}

void check_shapes(const KnowledgeBase& kb, const Index& index) {
  const auto rows = kb.size();
  REAUGKD_CHECK(rows > 0 && static_cast<std::int64_t>(kb.ids.size()) == rows, "{} rows, {} ids",
                rows, kb.ids.size());
  REAUGKD_CHECK(kb.logits.sizes() == kb.soft_labels.sizes() && kb.logits.size(0) == rows &&
                    kb.labels.dim() == 1 && kb.labels.size(0) == rows,
                "the tensors do not have {} rows", rows);
  for (const auto& value : {kb.embeddings, kb.logits, kb.soft_labels, kb.labels}) {
    const bool half = value.scalar_type() == torch::kFloat16 && value.is_same(kb.embeddings);
    REAUGKD_CHECK((half || value.scalar_type() == torch::kFloat32) && value.device().is_cpu(),
                  "a tensor is not fp32 on the CPU");
  }
  REAUGKD_CHECK(index.size() == rows && index.dimension() == kb.dimension(),
                "the index is over ({}, {})", index.size(), index.dimension());
}

Json describe_index(const Index& index, const HnswOptions& options) {
  Json json = {{"kind", to_string(index.kind())}};
  if (index.kind() == IndexKind::kHnsw) {
    json.update({{"M", options.M},
                 {"ef_construction", options.ef_construction},
                 {"ef_search", options.ef_search},
                 {"seed", options.seed},
                 {"threads", options.threads}});
  }
  return json;
}

HnswOptions hnsw_options(const Json& json, std::optional<std::int64_t> ef_search,
                         const std::string& where) {
  HnswOptions options;
  options.M = core::json_at<std::int64_t>(json, "M", where);
  options.ef_construction = core::json_at<std::int64_t>(json, "ef_construction", where);
  options.seed = core::json_at<std::uint64_t>(json, "seed", where);
  options.threads = core::json_at<int>(json, "threads", where);
  options.ef_search =
      ef_search ? *ef_search : core::json_at<std::int64_t>(json, "ef_search", where);
  if (options.M < 2 || options.M > 10'000 || options.ef_construction < 1 || options.ef_search < 1 ||
      options.threads < 1) {
    throw ArtifactError(
        "{}: the index's M {}, ef_construction {}, ef_search {} or threads {} is out of range",
        where, options.M, options.ef_construction, options.ef_search, options.threads);
  }
  return options;
}

}  // namespace

std::string dtype_name(torch::ScalarType type) {
  return type == torch::kFloat16 ? "fp16" : "fp32";
}

torch::ScalarType dtype_by_name(const std::string& name) {
  return name == "fp16" ? torch::kFloat16 : torch::kFloat32;
}

std::unordered_map<core::ExampleId, std::int64_t, core::ExampleIdHash> rows_by_id(
    const KnowledgeBase& kb) {
  std::unordered_map<core::ExampleId, std::int64_t, core::ExampleIdHash> rows;
  rows.reserve(kb.ids.size());
  for (std::size_t i = 0; i < kb.ids.size(); ++i) {
    const auto [known, added] = rows.emplace(kb.ids[i], static_cast<std::int64_t>(i));
    if (!added) {
      throw ArtifactError("the knowledge base holds example {} twice, in rows {} and {}",
                          kb.ids[i].to_string(), known->second, i);
    }
  }
  return rows;
}

void save_knowledge_base(const KnowledgeBase& kb, const Index& index, const HnswOptions& options,
                         const std::filesystem::path& directory) {
  check_shapes(kb, index);
  check_rows(kb, (directory / kTensorsFile).string());
  tensor::save_safetensors(directory / kTensorsFile, {{"embeddings", kb.embeddings},
                                                      {"logits", kb.logits},
                                                      {"soft_labels", kb.soft_labels},
                                                      {"labels", kb.labels},
                                                      {"example_ids", tensor_of_ids(kb.ids)}});
  save_examples(kb.ids, kb.text_a, kb.text_b, directory / kExamplesFile);
  std::vector<const char*> names = {kTensorsFile, kExamplesFile};
  if (index.kind() == IndexKind::kHnsw) {
    save_hnsw_index(index, directory / kIndexFile);
    names.push_back(kIndexFile);
  } else {
    std::error_code error;
    std::filesystem::remove(directory / kIndexFile, error);
    if (error) {
      throw core::IoError("{}: cannot be removed: {}", (directory / kIndexFile).string(),
                          error.message());
    }
  }
  Json files = Json::object();
  for (const char* name : names) files[name] = core::sha256_of_file(directory / name);
  core::write_json(directory / kManifestFile,
                   {{"format", kFormat},
                    {"rows", kb.size()},
                    {"dimension", kb.dimension()},
                    {"num_labels", kb.num_labels()},
                    {"dtype", dtype_name(kb.embeddings.scalar_type())},
                    {"metric", kMetric},
                    {"index", describe_index(index, options)},
                    {"files", files},
                    {"provenance", kb.provenance.is_null() ? Json::object() : kb.provenance}});
}

KnowledgeBase load_knowledge_base(const std::filesystem::path& directory, Texts texts) {
  const std::string where = (directory / kManifestFile).string();
  const Json manifest = read_manifest(directory);
  const auto rows = core::json_at<std::int64_t>(manifest, "rows", where);
  const auto dimension = core::json_at<std::int64_t>(manifest, "dimension", where);
  const auto num_labels = core::json_at<std::int64_t>(manifest, "num_labels", where);
  if (rows < 1 || dimension < 1 || num_labels < 1) {
    throw ArtifactError("{}: rows {}, dimension {}, num_labels {}: each must be at least 1", where,
                        rows, dimension, num_labels);
  }
  const auto dtype = dtype_of(manifest, where);
  auto kb = read_checked(directory, manifest, kTensorsFile, [&](const auto& path) {
    const auto tensors = tensor::load_safetensors(path);
    const std::string file = path.string();
    const auto take = [&](const char* name, torch::ScalarType type, torch::IntArrayRef shape) {
      return tensor::take(tensors, name, type, shape, file);
    };
    KnowledgeBase read;
    read.embeddings = take("embeddings", dtype, {rows, dimension});
    read.logits = take("logits", torch::kFloat32, {rows, num_labels});
    read.soft_labels = take("soft_labels", torch::kFloat32, {rows, num_labels});
    read.labels = take("labels", torch::kFloat32, {rows});
    read.ids = ids_of_tensor(take("example_ids", torch::kInt64, {rows, 2}));
    check_rows(read, file);
    return read;
  });
  if (texts == Texts::kRead) {
    auto examples = read_checked(directory, manifest, kExamplesFile,
                                 [&](const auto& path) { return load_examples(kb.ids, path); });
    kb.text_a = std::move(examples.text_a);
    kb.text_b = std::move(examples.text_b);
  }
  kb.provenance = section(manifest, "provenance", where);
  return kb;
}

std::unique_ptr<Index> load_index(const KnowledgeBase& kb, const std::filesystem::path& directory,
                                  const std::string& choice,
                                  std::optional<std::int64_t> ef_search) {
  if (choice != "auto" && choice != "hnsw" && choice != "exact") {
    throw core::ConfigError("the index is \"{}\", expected auto, hnsw or exact", choice);
  }
  if (choice == "exact") return make_exact_index(kb.embeddings);
  const std::string where = (directory / kManifestFile).string();
  const Json manifest = read_manifest(directory);
  const Json& json = section(manifest, "index", where);
  const auto kind = core::json_at<std::string>(json, "kind", where);
  if (kind != to_string(IndexKind::kHnsw) && kind != to_string(IndexKind::kExact)) {
    throw ArtifactError("{}: found an index of kind \"{}\", expected hnsw or exact", where, kind);
  }
  if (kind == to_string(IndexKind::kExact)) {
    if (choice == "auto") return make_exact_index(kb.embeddings);
    throw ArtifactError(
        "{}: was built without an HNSW index; search it with --index exact, or run "
        "build-kb --index hnsw",
        directory.string());
  }
  const auto options = hnsw_options(json, ef_search, where);
  return read_checked(directory, manifest, kIndexFile, [&](const auto& path) {
    return load_hnsw_index(path, kb.embeddings, options);
  });
}

}  // namespace reaugkd::retrieval
