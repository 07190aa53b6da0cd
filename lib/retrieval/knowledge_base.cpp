#include "retrieval/knowledge_base.h"

#include <algorithm>
#include <exception>
#include <future>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "retrieval/answers.h"
#include "retrieval/examples_file.h"
#include "retrieval/fp32_rows.h"
#include "retrieval/indexes.h"
#include "retrieval/kb_manifest.h"
#include "tensor/safetensors.h"

namespace reaugkd::retrieval {
namespace {

using base::ArtifactError;

constexpr const char* kTensorsFile = "kb.safetensors";
constexpr const char* kExamplesFile = "examples.tsv";
// Of a length: fp32 normalisation is good to 1e-6, rounding to fp16 moves it by up to 2^-11.
constexpr double kUnitTolerance = 1e-4;
constexpr double kHalfUnitTolerance = 1e-3;
constexpr double kSumTolerance = 1e-4;  // of a distribution

/// read(path) of a file that kb.json names. Its checksum is compared meanwhile: of a large file
/// that takes longest. A wrong one is what is reported, whatever else is wrong with the file.
template <typename Read>
auto read_checked(const std::filesystem::path& directory, const KbManifest& manifest,
                  const std::string& name, const Read& read) {
  const std::string where = (directory / kManifestFile).string();
  if (!manifest.files.contains(name)) {
    throw ArtifactError("{}: files: the key \"{}\" is missing", where, name);
  }
  const std::string& expected = manifest.files.at(name);
  const auto path = directory / name;
  if (!std::filesystem::exists(path)) {
    throw ArtifactError("{}: is missing, but {} names it; run build-kb again", path.string(),
                        where);
  }
  auto digest = std::async(std::launch::async, [&] { return base::sha256_of_file(path); });
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

torch::Tensor tensor_of_ids(const std::vector<base::ExampleId>& ids) {
  const auto rows = torch::empty({static_cast<std::int64_t>(ids.size()), 2}, torch::kInt64);
  auto* next = rows.data_ptr<std::int64_t>();
  for (const auto& id : ids) {
    *next++ = static_cast<std::int64_t>(id.file);
    *next++ = id.row;
  }
  return rows;
}

std::vector<base::ExampleId> ids_of_tensor(const torch::Tensor& rows) {
  const auto* next = rows.data_ptr<std::int64_t>();
  std::vector<base::ExampleId> ids(static_cast<std::size_t>(rows.size(0)));
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
  const auto after = [](const base::ExampleId& a, const base::ExampleId& b) {
    return std::pair(a.file, a.row) >= std::pair(b.file, b.row);
  };
  const auto& ids = kb.ids;
  if (std::adjacent_find(ids.begin(), ids.end(), after) != ids.end()) rows_by_id(kb);
}

/// The values of each row, whoever wrote them; the shapes are right.
void check_rows(const KnowledgeBase& kb, const std::string& where) {
  check_lengths(kb.embeddings, where);
  const auto unseen = rows_without_teacher(kb);
  const auto not_finite = [&](const torch::Tensor& values) {
    return first_wrong(values.isfinite().all(1).logical_or(unseen).logical_not());
  };
  if (const auto row = not_finite(kb.logits); row >= 0) {
    throw ArtifactError("{}: the logits of row {} are not finite", where, row);
  }
  if (const auto row = not_finite(kb.soft_labels); row >= 0) {
    throw ArtifactError("{}: the soft labels of row {} are not finite", where, row);
  }
  if (const auto row = first_wrong(kb.labels.isinf()); row >= 0) {
    throw ArtifactError("{}: the label of row {} is not finite", where, row);
  }
  const auto unlabelled = kb.labels.isnan();
  if (const auto row = first_wrong(unlabelled.logical_and(unseen.logical_or(kb.label_answers)));
      row >= 0) {
    throw ArtifactError("{}: row {} has neither a teacher's prediction nor a label to answer with",
                        where, row);
  }
  check_ids(kb);
  if (kb.num_labels() == 1) return;  // regression: soft labels are scores
  const auto wrong =
      (kb.soft_labels.sum(1) - 1).abs().gt(kSumTolerance).logical_or(kb.soft_labels.lt(0).any(1));
  if (const auto row = first_wrong(wrong); row >= 0) {
    throw ArtifactError(
        "{}: the soft labels of row {} are no distribution: found a sum of {} and a smallest of "
        "{}, "
        "expected 1 and at least 0",
        where, row, kb.soft_labels[row].sum().item<float>(),
        kb.soft_labels[row].min().item<float>());
  }
  const auto known = unlabelled.logical_not();
  const auto no_class = (kb.labels < 0)
                            .logical_or(kb.labels >= kb.num_classes())
                            .logical_or(kb.labels != kb.labels.floor());
  if (const auto row = first_wrong(known.logical_and(no_class)); row >= 0) {
    throw ArtifactError("{}: the label of row {} is {}, expected one of {} classes", where, row,
                        kb.labels[row].item<float>(), kb.num_classes());
  }
}

/// The file of an index of another kind that stood here before.
void remove_stale(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) throw base::IoError("{}: cannot be removed: {}", path.string(), error.message());
}

/// The kind of index that kb.json names.
const IndexKind& kind_of(const KbManifest& manifest, const std::filesystem::path& directory) {
  if (const auto* kind = find_index_kind(manifest.index.kind)) return *kind;
  throw ArtifactError("{}: found an index of kind \"{}\", expected one of {}",
                      (directory / kManifestFile).string(), manifest.index.kind,
                      fmt::join(index_kinds(), ", "));
}

void check_shapes(const KnowledgeBase& kb, const Index& index) {
  const auto rows = kb.size();
  REAUGKD_CHECK(rows > 0 && static_cast<std::int64_t>(kb.ids.size()) == rows, "{} rows, {} ids",
                rows, kb.ids.size());
  REAUGKD_CHECK(kb.logits.sizes() == kb.soft_labels.sizes() && kb.logits.size(0) == rows &&
                    kb.labels.dim() == 1 && kb.labels.size(0) == rows &&
                    kb.label_answers.sizes() == kb.labels.sizes() &&
                    kb.label_answers.scalar_type() == torch::kBool,
                "the tensors do not have {} rows", rows);
  for (const auto& value : {kb.embeddings, kb.logits, kb.soft_labels, kb.labels}) {
    const bool half = value.scalar_type() == torch::kFloat16 && value.is_same(kb.embeddings);
    REAUGKD_CHECK((half || value.scalar_type() == torch::kFloat32) && value.device().is_cpu(),
                  "a tensor is not fp32 on the CPU");
  }
  REAUGKD_CHECK(index.size() == rows && index.dimension() == kb.dimension(),
                "the index is over ({}, {})", index.size(), index.dimension());
}

}  // namespace

std::string dtype_name(torch::ScalarType type) {
  return type == torch::kFloat16 ? "fp16" : "fp32";
}

torch::ScalarType dtype_by_name(const std::string& name) {
  return name == "fp16" ? torch::kFloat16 : torch::kFloat32;
}

std::unordered_map<base::ExampleId, std::int64_t, base::ExampleIdHash> rows_by_id(
    const KnowledgeBase& kb) {
  std::unordered_map<base::ExampleId, std::int64_t, base::ExampleIdHash> rows;
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

void save_knowledge_base(const KnowledgeBase& kb, const Index& index, const IndexOptions& options,
                         const std::filesystem::path& directory) {
  check_shapes(kb, index);
  check_rows(kb, (directory / kTensorsFile).string());
  tensor::save_safetensors(directory / kTensorsFile, {{"embeddings", kb.embeddings},
                                                      {"logits", kb.logits},
                                                      {"soft_labels", kb.soft_labels},
                                                      {"labels", kb.labels},
                                                      {"label_answers", kb.label_answers},
                                                      {"example_ids", tensor_of_ids(kb.ids)}});
  std::vector<std::string> names = {kTensorsFile};
  if (kb.text_a.empty()) {
    remove_stale(directory / kExamplesFile);
  } else {
    save_examples(kb.ids, kb.text_a, kb.text_b, directory / kExamplesFile);
    names.push_back(kExamplesFile);
  }
  save_history(kb.history, directory);
  for (const auto& kind : index_kinds()) {
    const std::string& file = find_index_kind(kind)->file_name;
    if (file.empty()) continue;
    if (kind == index.kind()) {
      index.save(directory / file);
      names.push_back(file);
    } else {
      remove_stale(directory / file);
    }
  }
  KbManifest manifest;
  manifest.rows = kb.size();
  manifest.dimension = kb.dimension();
  manifest.num_labels = kb.num_labels();
  manifest.new_classes = kb.new_classes;
  manifest.texts = !kb.text_a.empty();
  manifest.dtype = dtype_name(kb.embeddings.scalar_type());
  manifest.index = {index.kind(), options};
  for (const auto& name : names) manifest.files[name] = base::sha256_of_file(directory / name);
  manifest.provenance = kb.provenance;
  save_kb_manifest(manifest, directory);
}

KnowledgeBase load_knowledge_base(const std::filesystem::path& directory, Texts texts) {
  const KbManifest manifest = load_kb_manifest(directory);
  const auto rows = manifest.rows;
  const auto num_labels = manifest.num_labels;
  auto kb = read_checked(directory, manifest, kTensorsFile, [&](const auto& path) {
    const auto tensors = tensor::load_safetensors(path);
    const std::string file = path.string();
    const auto take = [&](const char* name, torch::ScalarType type, torch::IntArrayRef shape) {
      return tensor::take(tensors, name, type, shape, file);
    };
    KnowledgeBase read;
    read.embeddings = take("embeddings", dtype_by_name(manifest.dtype), {rows, manifest.dimension});
    read.logits = take("logits", torch::kFloat32, {rows, num_labels});
    read.soft_labels = take("soft_labels", torch::kFloat32, {rows, num_labels});
    read.labels = take("labels", torch::kFloat32, {rows});
    read.label_answers = tensors.contains("label_answers")  // since format 3
                             ? take("label_answers", torch::kBool, {rows})
                             : torch::zeros({rows}, torch::kBool);
    read.new_classes = manifest.new_classes;
    read.ids = ids_of_tensor(take("example_ids", torch::kInt64, {rows, 2}));
    check_rows(read, file);
    return read;
  });
  if (texts == Texts::kRead && manifest.texts) {
    auto examples = read_checked(directory, manifest, kExamplesFile,
                                 [&](const auto& path) { return load_examples(kb.ids, path); });
    kb.text_a = std::move(examples.text_a);
    kb.text_b = std::move(examples.text_b);
  }
  kb.provenance = manifest.provenance;
  kb.history = load_history(directory);
  return kb;
}

std::unique_ptr<Index> load_index(const KnowledgeBase& kb, const std::filesystem::path& directory,
                                  const std::string& choice,
                                  std::optional<std::int64_t> ef_search) {
  if (choice != "auto" && find_index_kind(choice) == nullptr) {
    throw base::ConfigError("the index is \"{}\", expected auto or one of {}", choice,
                            fmt::join(index_kinds(), ", "));
  }
  if (choice == kExactIndex) {
    return build_index(*find_index_kind(kExactIndex), kb.embeddings, {});
  }
  const KbManifest manifest = load_kb_manifest(directory);
  const IndexKind& kind = kind_of(manifest, directory);
  if (choice != "auto" && choice != kind.name) {
    throw ArtifactError(
        "{}: was built with the {} index, not with {}; search it with `index` {}, or run build-kb "
        "`index` {}",
        directory.string(), kind.name, choice, kind.name, choice);
  }
  if (kind.file_name.empty()) {
    return build_index(kind, kb.embeddings, manifest.index.options);
  }
  IndexOptions options = manifest.index.options;
  if (ef_search) options.ef_search = *ef_search;
  return read_checked(directory, manifest, kind.file_name, [&](const auto& path) {
    return load_index_file(kind, path, kb.embeddings, options);
  });
}

std::unique_ptr<Index> extended_index(const KnowledgeBase& kb,
                                      const std::filesystem::path& directory,
                                      std::int64_t unchanged_rows, const std::string& kind_name,
                                      const IndexOptions& options) {
  const KbManifest manifest = load_kb_manifest(directory);
  const IndexKind& kind = kind_of(manifest, directory);
  const IndexOptions& built = manifest.index.options;
  if (kind.name != kind_name || !kind.extend || manifest.rows != unchanged_rows ||
      manifest.dtype != dtype_name(kb.embeddings.scalar_type()) || built.M != options.M ||
      built.ef_construction != options.ef_construction) {
    return nullptr;
  }
  return read_checked(directory, manifest, kind.file_name, [&](const auto& path) {
    return extend_index_file(kind, path, unchanged_rows, kb.embeddings, options);
  });
}

}  // namespace reaugkd::retrieval
