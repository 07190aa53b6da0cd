#include "train/features.h"

#include <unordered_set>

#include "base/error.h"
#include "tensor/safetensors.h"

namespace reaugkd::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFeaturesFile = "features.safetensors";
constexpr const char* kMarkKey = "computed_from";
constexpr const char* kUnansweredKey = "unanswered_rows";  // whether logits may be NaN

void add_part(tensor::TensorMap& tensors, const std::string& part, const Features& features) {
  if (features.embeddings.defined()) tensors[part + ".embeddings"] = features.embeddings;
  tensors[part + ".logits"] = features.logits;
  tensors[part + ".example_ids"] = features.example_ids;
  if (features.pretrained.defined()) tensors[part + ".pretrained"] = features.pretrained;
}

tensor::TensorMap load_tensors(const fs::path& path) {
  if (fs::exists(path)) return tensor::load_safetensors(path);
  throw base::ArtifactError("{}: is missing; run reaugkd project to make it", path.string());
}

bool has_unanswered(const Features& features) {
  return features.logits.isnan().any().item<bool>();
}

/// (n, C). Only a given teacher may have left rows unanswered: they are NaN throughout.
torch::Tensor take_logits(const tensor::TensorMap& tensors, const std::string& name, std::int64_t n,
                          const fs::path& path) {
  const std::string where = path.string();
  if (!tensor::load_metadata(path).contains(kUnansweredKey)) {
    return tensor::take_finite(tensors, name, {n, -1}, where);
  }
  const auto logits = tensor::take(tensors, name, torch::kFloat32, {n, -1}, where);
  if ((logits.isfinite().all(1) | logits.isnan().all(1)).all().item<bool>()) return logits;
  throw base::ArtifactError(
      "{}: tensor {} has rows that are neither finite nor NaN throughout: "
      "the file is damaged; copy it again, or run its stage again",
      where, name);
}

}  // namespace

torch::Tensor example_ids_of(const data::Dataset& dataset) {
  auto ids = torch::empty({dataset.size(), 2}, torch::kInt64);
  auto* values = ids.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const auto id = dataset.id(i);
    values[2 * i] = static_cast<std::int64_t>(id.file);
    values[2 * i + 1] = id.row;
  }
  return ids;
}

Features compute_features(Model& teacher, const data::Dataset& rows,
                          const data::TaskSettings& settings, const tensor::Compute& compute,
                          std::int64_t batch_size) {
  teacher.classifier->to(compute.device);
  auto options = teacher.predict_options(compute, settings, batch_size);
  options.what = "teacher features";
  auto outputs = predict(teacher.classifier, teacher.encode(rows, settings, compute), options);
  return {outputs.embeddings, outputs.logits, example_ids_of(rows), {}};
}

void save_features(const Features& train, const Features& validation, const std::string& mark,
                   const fs::path& directory) {
  tensor::TensorMap tensors;
  add_part(tensors, "train", train);
  add_part(tensors, "validation", validation);
  std::map<std::string, std::string> metadata = {{kMarkKey, mark}};
  if (has_unanswered(train) || has_unanswered(validation)) metadata[kUnansweredKey] = "yes";
  tensor::save_safetensors(directory / kFeaturesFile, tensors, metadata);
}

std::string features_mark(const fs::path& directory) {
  if (!fs::exists(directory / kFeaturesFile)) return "";
  const auto metadata = tensor::load_metadata(directory / kFeaturesFile);
  const auto found = metadata.find(kMarkKey);
  return found == metadata.end() ? "" : found->second;
}

std::vector<std::int64_t> rows_with_features(const fs::path& directory, const std::string& part,
                                             const data::Dataset& rows) {
  const fs::path path = directory / kFeaturesFile;
  const auto ids =
      tensor::take(load_tensors(path), part + ".example_ids", torch::kInt64, {-1, 2}, path.string())
          .contiguous();
  std::unordered_set<base::ExampleId, base::ExampleIdHash> known;
  const auto* values = ids.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < ids.size(0); ++i) {
    known.insert({static_cast<std::uint64_t>(values[2 * i]), values[2 * i + 1]});
  }
  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (known.contains(rows.id(i))) positions.push_back(i);
  }
  return positions;
}

Features load_features(const fs::path& directory, const std::string& part,
                       const data::Dataset& rows) {
  const fs::path path = directory / kFeaturesFile;
  const auto tensors = load_tensors(path);
  Features features;
  features.example_ids =
      tensor::take(tensors, part + ".example_ids", torch::kInt64, {-1, 2}, path.string());
  const std::int64_t n = features.example_ids.size(0);
  features.logits = take_logits(tensors, part + ".logits", n, path);
  if (tensors.contains(part + ".pretrained")) {
    features.pretrained =
        tensor::take_finite(tensors, part + ".pretrained", {n, -1}, path.string());
  }
  if (!features.pretrained.defined() || tensors.contains(part + ".embeddings")) {
    features.embeddings =
        tensor::take_finite(tensors, part + ".embeddings", {n, -1}, path.string());
  }
  if (!torch::equal(features.example_ids, example_ids_of(rows))) {
    throw base::ArtifactError(
        "{}: its {} features are of other rows than {}; run reaugkd project on this data",
        path.string(), part, rows.path.string());
  }
  return features;
}

}  // namespace reaugkd::train
