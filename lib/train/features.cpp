#include "train/features.h"

#include "base/error.h"
#include "tensor/safetensors.h"

namespace reaugkd::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFeaturesFile = "features.safetensors";
constexpr const char* kMarkKey = "computed_from";

void add_part(tensor::TensorMap& tensors, const std::string& part, const Features& features) {
  tensors[part + ".embeddings"] = features.embeddings;
  tensors[part + ".logits"] = features.logits;
  tensors[part + ".example_ids"] = features.example_ids;
  if (features.pretrained.defined()) tensors[part + ".pretrained"] = features.pretrained;
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
  auto outputs =
      predict(teacher.classifier, teacher.encode(rows, settings, compute.threads), options);
  return {outputs.embeddings, outputs.logits, example_ids_of(rows), {}};
}

void save_features(const Features& train, const Features& validation, const std::string& mark,
                   const fs::path& directory) {
  tensor::TensorMap tensors;
  add_part(tensors, "train", train);
  add_part(tensors, "validation", validation);
  tensor::save_safetensors(directory / kFeaturesFile, tensors, {{kMarkKey, mark}});
}

std::string features_mark(const fs::path& directory) {
  if (!fs::exists(directory / kFeaturesFile)) return "";
  const auto metadata = tensor::load_metadata(directory / kFeaturesFile);
  const auto found = metadata.find(kMarkKey);
  return found == metadata.end() ? "" : found->second;
}

Features load_features(const fs::path& directory, const std::string& part,
                       const data::Dataset& rows) {
  const fs::path path = directory / kFeaturesFile;
  if (!fs::exists(path)) {
    throw base::ArtifactError("{}: is missing; run reaugkd project to make it", path.string());
  }
  const auto tensors = tensor::load_safetensors(path);
  Features features;
  features.embeddings = tensor::take_finite(tensors, part + ".embeddings", {-1, -1}, path.string());
  const std::int64_t n = features.embeddings.size(0);
  features.logits = tensor::take_finite(tensors, part + ".logits", {n, -1}, path.string());
  features.example_ids =
      tensor::take(tensors, part + ".example_ids", torch::kInt64, {n, 2}, path.string());
  if (tensors.contains(part + ".pretrained")) {
    features.pretrained =
        tensor::take_finite(tensors, part + ".pretrained", {n, -1}, path.string());
  }
  if (!torch::equal(features.example_ids, example_ids_of(rows))) {
    throw base::ArtifactError(
        "{}: its {} features are of other rows than {}; run reaugkd project on this data",
        path.string(), part, rows.path.string());
  }
  return features;
}

}  // namespace reaugkd::train
