#include "class_clouds.h"

#include <cmath>

#include "base/error.h"

namespace reaugkd::bench {
namespace {

constexpr double kSharpness = 20;  // of p^T: sure rows, and unsure ones between the classes

torch::Tensor unit(const torch::Tensor& x) {
  return x / x.norm(2, -1, /*keepdim=*/true).clamp_min(1e-12);
}

/// n Gaussian offsets of expected length `length` (n, D) in the given directions (rank, D).
torch::Tensor offsets(std::int64_t n, const torch::Tensor& directions, double length) {
  const auto scale = torch::arange(1, directions.size(0) + 1, torch::kFloat32).rsqrt();
  const auto coordinates = torch::randn({n, directions.size(0)}) * (scale / scale.norm());
  return torch::matmul(coordinates, directions) * length;
}

/// As offsets(), over all dimensions alike.
torch::Tensor noise(std::int64_t n, std::int64_t dimension, double length) {
  return torch::randn({n, dimension}) * (length / std::sqrt(static_cast<double>(dimension)));
}

/// Queries as a student sees rows: near them, not on them.
torch::Tensor seen_by_student(const torch::Tensor& rows, double length) {
  return unit(rows + noise(rows.size(0), rows.size(1), length));
}

}  // namespace

Clouds make_clouds(std::int64_t rows, std::int64_t queries, std::int64_t dimension,
                   const CloudOptions& options) {
  torch::manual_seed(options.seed);
  const std::int64_t all = rows + queries;
  const std::int64_t clusters = std::max<std::int64_t>(1, all / options.rows_per_cluster);
  const auto classes = unit(torch::randn({options.classes, dimension}));
  const auto class_of = torch::randint(options.classes, {clusters}, torch::kInt64);
  const auto cluster_of = torch::randint(clusters, {all}, torch::kInt64);
  auto centers = classes.index_select(0, class_of).clone();  // (clusters, D)
  std::vector<torch::Tensor> directions;
  for (std::int64_t c = 0; c < options.classes; ++c) {
    directions.push_back(unit(torch::randn({options.rank, dimension})));
    const auto own = (class_of == c).nonzero().squeeze(1);
    centers.index_add_(0, own, offsets(own.size(0), directions.back(), options.cluster_spread));
  }
  auto points = centers.index_select(0, cluster_of);  // (all, D)
  const auto class_of_row = class_of.index_select(0, cluster_of);
  for (std::int64_t c = 0; c < options.classes; ++c) {
    const auto own = (class_of_row == c).nonzero().squeeze(1);
    points.index_add_(0, own, offsets(own.size(0), directions[c], options.row_spread));
  }
  points = unit(points + noise(all, dimension, options.row_spread / 10));
  const auto soft = torch::softmax(kSharpness * torch::matmul(points, classes.t()), 1);
  return {points.slice(0, 0, rows).contiguous(), soft.slice(0, 0, rows).contiguous(),
          seen_by_student(points.slice(0, rows), options.student_spread)};
}

Clouds split_clouds(const torch::Tensor& embeddings, const torch::Tensor& soft_labels,
                    std::int64_t queries, const CloudOptions& options) {
  torch::manual_seed(options.seed);
  REAUGKD_CHECK(embeddings.size(0) > queries, "{} rows for {} queries", embeddings.size(0),
                queries);
  const auto order = torch::randperm(embeddings.size(0), torch::kInt64);
  const auto base = order.slice(0, queries);
  return {embeddings.index_select(0, base), soft_labels.index_select(0, base),
          seen_by_student(embeddings.index_select(0, order.slice(0, 0, queries)),
                          options.student_spread)};
}

}  // namespace reaugkd::bench
