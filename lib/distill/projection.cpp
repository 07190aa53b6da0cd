#include "distill/projection.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "data/dataset.h"
#include "losses/contrastive.h"
#include "models/classifier.h"
#include "retrieval/aggregation.h"
#include "retrieval/indexes.h"
#include "tensor/device.h"
#include "tensor/safetensors.h"

namespace reaugkd::distill {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProjectionFile = "projection.safetensors";
constexpr std::int64_t kFewestJudged = 1000;  // held-out rows, by knn_accuracy

}  // namespace

torch::Tensor Projection::apply(const torch::Tensor& embeddings) const {
  return models::unit_rows(
      torch::nn::functional::linear(embeddings.to(torch::kFloat32), weight, bias));
}

void save_projection(const Projection& projection, const fs::path& directory) {
  tensor::save_safetensors(directory / kProjectionFile, {{"projection.weight", projection.weight},
                                                         {"projection.bias", projection.bias}});
}

Projection load_projection(const fs::path& directory, std::int64_t hidden_size) {
  const fs::path path = directory / kProjectionFile;
  if (!fs::exists(path)) {
    throw base::ArtifactError(
        "{}: is missing: this teacher has no projection yet; run reaugkd project `teacher` {}",
        path.string(), directory.string());
  }
  const auto tensors = tensor::load_safetensors(path);
  Projection projection;
  projection.weight =
      tensor::take_finite(tensors, "projection.weight", {-1, hidden_size}, path.string());
  projection.bias =
      tensor::take_finite(tensors, "projection.bias", {projection.weight.size(0)}, path.string());
  return projection;
}

Projection draw_projection(std::int64_t dimension, std::int64_t hidden_size, std::uint64_t seed,
                           const torch::Device& device) {
  torch::manual_seed(base::stream_seed(seed, "init projection"));
  const auto weight = torch::randn({dimension, hidden_size}) / std::sqrt(hidden_size);
  return {weight.to(device).requires_grad_(true),
          torch::zeros({dimension}).to(device).requires_grad_(true)};
}

train::LossTerms ProjectionObjective::loss(const std::vector<std::int64_t>& rows) {
  const auto index = tensor::send(torch::tensor(rows, torch::kInt64), features_.device());
  const auto z = projection_.apply(features_.index_select(0, index));
  return {losses::supervised_contrastive(z, labels_.index_select(0, index), training_.tau), {}};
}

std::vector<train::ParameterGroup> ProjectionObjective::parameter_groups() {
  return {{{projection_.weight}, training_.learning_rate, training_.weight_decay},
          {{projection_.bias}, training_.learning_rate, 0}};
}

train::FitResult train_projection(Projection& projection, const ProjectionData& data,
                                  const ProjectionTraining& training, std::int64_t batch_size,
                                  const train::FitOptions& options,
                                  const std::filesystem::path& log_path) {
  ProjectionObjective objective(projection, data.features, data.labels.to(data.features.device()),
                                training);
  const auto batches = [&](std::int64_t epoch) {
    return train::shuffled_batches(data.labels.numel(), batch_size, options.seed, epoch);
  };
  const auto validate = [&] {
    const torch::NoGradGuard no_grad;
    const double accuracy =
        knn_accuracy(projection.apply(data.features), data.labels, projection.apply(data.held_out),
                     data.held_out_labels, training.tau);
    return train::Validation{accuracy, {{"knn_accuracy", accuracy}}};
  };
  return train::fit(options, objective, batches, validate, log_path);
}

double knn_accuracy(const torch::Tensor& train_z, const torch::Tensor& train_labels,
                    const torch::Tensor& all_held_out_z, const torch::Tensor& all_held_out_labels,
                    double tau, std::int64_t most_pairs) {
  auto held_out_z = all_held_out_z;
  auto held_out_labels = all_held_out_labels;
  const auto judged = std::max(kFewestJudged, most_pairs / train_z.size(0));
  if (judged < held_out_z.size(0)) {
    const auto seed = base::stream_seed(0, "rows that k-NN is judged on");
    const auto some = torch::tensor(data::sample_rows(held_out_z.size(0), judged, seed));
    held_out_z = held_out_z.index_select(0, some.to(held_out_z.device()));
    held_out_labels = held_out_labels.index_select(0, some.to(held_out_labels.device()));
  }
  const auto [labels, classes] =
      at::_unique(train_labels, /*sorted=*/true, /*return_inverse=*/true);
  const auto one_hot = torch::one_hot(classes, labels.numel()).to(torch::kCPU, torch::kFloat32);
  const auto index = retrieval::make_exact_index(train_z);
  const auto votes =
      retrieval::aggregate(index->search(held_out_z, kProjectionNeighbors), one_hot, tau);
  const auto predicted = labels.index_select(0, votes.argmax(1).to(labels.device()));
  return (predicted == held_out_labels).to(torch::kFloat64).mean().item<double>();
}

}  // namespace reaugkd::distill
