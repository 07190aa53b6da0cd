#include "distill/key_maker.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/sha256.h"
#include "distill/given_teacher.h"
#include "models/classifier.h"
#include "models/model_directory.h"
#include "run/run_files.h"
#include "tensor/safetensors.h"
#include "train/pretrained_encoder.h"

namespace reaugkd::distill {
namespace {

namespace fs = std::filesystem;
using base::ArtifactError;

constexpr const char* kFile = "projection.safetensors";
// Its metadata; of the projection alone it has none.
constexpr const char* kSpace = "space";
constexpr const char* kPooling = "pretrained_embedding";
// Its tensors.
constexpr const char* kAxes = "pretrained.axes";
constexpr const char* kWeight = "pretrained.weight";

std::string metadata_at(const std::map<std::string, std::string>& metadata, const char* key,
                        const fs::path& path) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    throw ArtifactError("{}: its metadata lacks {}: it is damaged; run reaugkd project again",
                        path.string(), key);
  }
  return found->second;
}

/// What only the spaces beside the projection have.
void read_pretrained(KeyMaker& maker, const std::map<std::string, std::string>& metadata,
                     const tensor::TensorMap& tensors, const fs::path& path) {
  try {
    maker.space = parse_space(metadata_at(metadata, kSpace, path));
    maker.pretrained_embedding = models::parse_pooling(metadata_at(metadata, kPooling, path));
  } catch (const base::ConfigError& error) {
    throw ArtifactError("{}: {}", path.string(), error.what());
  }
  if (tensors.contains(kAxes)) {
    maker.axes = tensor::take_finite(tensors, kAxes, {-1, -1}, path.string());
  }
  if (maker.space != Space::kBoth) return;
  maker.pretrained_weight =
      tensor::take(tensors, kWeight, torch::kFloat64, {1}, path.string()).item<double>();
  if (!(maker.pretrained_weight >= 0 && maker.pretrained_weight <= 1)) {
    throw ArtifactError("{}: {} is {}, expected 0 to 1", path.string(), kWeight,
                        maker.pretrained_weight);
  }
}

}  // namespace

std::string to_string(Space space) {
  return space == Space::kProjection   ? "projection"
         : space == Space::kPretrained ? "pretrained"
         : space == Space::kBoth       ? "both"
                                       : retrieval::kGivenSpace;
}

Space parse_space(const std::string& text) {
  for (const auto space : {Space::kProjection, Space::kPretrained, Space::kBoth}) {
    if (text == to_string(space)) return space;
  }
  throw base::ConfigError("`space`: \"{}\" is not one of projection, pretrained, both", text);
}

torch::Tensor KeyMaker::z(const train::Features& features) const {
  return projection.apply(features.embeddings);
}

torch::Tensor KeyMaker::e(const train::Features& features) const {
  const auto& embeddings = features.pretrained;  // e~ (n, H')
  if (!embeddings.defined() || (axes.defined() && axes.size(1) != embeddings.size(1))) {
    throw ArtifactError(
        "the features hold {}, the keys are made of pretrained embeddings of width {}: they do "
        "not belong together; run reaugkd project again",
        embeddings.defined() ? fmt::format("such of width {}", embeddings.size(1)) : "none",
        axes.defined() ? std::to_string(axes.size(1)) : "that of the encoder");
  }
  return models::unit_rows(axes.defined() ? torch::matmul(embeddings, axes.t()) : embeddings);
}

torch::Tensor KeyMaker::keys(const train::Features& features) const {
  if (space == Space::kProjection) return z(features);
  if (space == Space::kPretrained) return e(features);
  if (space == Space::kGiven) return models::unit_rows(features.embeddings);
  return models::unit_rows(torch::cat(
      {std::sqrt(1 - pretrained_weight) * z(features), std::sqrt(pretrained_weight) * e(features)},
      1));
}

void save_key_maker(const KeyMaker& maker, const fs::path& directory) {
  if (!maker.reads_pretrained()) return save_projection(maker.projection, directory);
  tensor::TensorMap tensors;
  if (maker.space == Space::kBoth) {
    tensors["projection.weight"] = maker.projection.weight;
    tensors["projection.bias"] = maker.projection.bias;
    tensors[kWeight] = torch::tensor({maker.pretrained_weight}, torch::kFloat64);
  }
  if (maker.axes.defined()) tensors[kAxes] = maker.axes;
  tensor::save_safetensors(directory / kFile, tensors,
                           {{kSpace, to_string(maker.space)},
                            {kPooling, models::to_string(maker.pretrained_embedding)}});
}

KeyMaker load_key_maker(const fs::path& directory, std::int64_t hidden_size) {
  const fs::path path = directory / kFile;
  KeyMaker maker;
  const auto metadata =
      fs::exists(path) ? tensor::load_metadata(path) : std::map<std::string, std::string>();
  if (metadata.contains(kSpace)) {
    read_pretrained(maker, metadata, tensor::load_safetensors(path), path);
  }
  if (maker.space != Space::kPretrained) maker.projection = load_projection(directory, hidden_size);
  return maker;
}

retrieval::KeySpace key_space_of(const fs::path& directory) {
  const fs::path path = directory / kFile;
  retrieval::KeySpace space;
  space.teacher_sha256 = is_given_teacher(directory)
                             ? load_given_teacher(directory).sha256
                             : base::sha256_of_file(directory / "model.safetensors");
  space.projection_sha256 = base::sha256_of_file(path);
  const auto metadata = tensor::load_metadata(path);
  if (!metadata.contains(kSpace)) return space;
  space.space = metadata.at(kSpace);
  space.pretrained_sha256 = models::digest_of_weights(directory / run::kPretrainedFolder);
  return space;
}

void add_pretrained(train::Features& features, const KeyMaker& maker, const fs::path& directory,
                    const data::Dataset& rows, const data::TaskSettings& settings,
                    const tensor::Compute& compute, std::int64_t batch_size) {
  if (!maker.reads_pretrained()) return;
  auto encoder =
      train::load_pretrained(directory / run::kPretrainedFolder, maker.pretrained_embedding);
  features.pretrained = train::pretrained_embeddings(encoder, rows, settings, compute, batch_size);
}

PrincipalAxes principal_axes(const torch::Tensor& x, std::int64_t dimension) {
  constexpr std::int64_t kRowsAtOnce = 65536;
  const std::int64_t width = x.size(1);
  auto moments = torch::zeros({width, width}, torch::kFloat64);
  for (std::int64_t begin = 0; begin < x.size(0); begin += kRowsAtOnce) {
    const auto rows =
        models::unit_rows(x.slice(0, begin, begin + kRowsAtOnce).to(torch::kCPU, torch::kFloat64));
    moments += torch::matmul(rows.t(), rows);
  }
  const auto [values, vectors] = at::linalg_eigh(moments, "L");  // ascending, in columns
  const auto count = std::min(dimension, width);
  auto axes = vectors.slice(1, width - count).flip(1).t();  // (count, H), the largest first
  const auto largest = axes.gather(1, axes.abs().argmax(1, /*keepdim=*/true));
  axes = axes * torch::where(largest < 0, -1.0, 1.0);
  const auto kept = values.slice(0, width - count).sum() / moments.trace();
  return {torch::constant_pad_nd(axes.to(torch::kFloat32), {0, 0, 0, dimension - count}),
          kept.item<double>()};
}

}  // namespace reaugkd::distill
