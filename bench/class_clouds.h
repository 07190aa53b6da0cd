// Vectors that lie as a knowledge base's do: one cloud a class, made of many small clusters, in far
// fewer directions than there are dimensions.
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace reaugkd::bench {

struct CloudOptions {
  std::int64_t classes = 2;
  std::int64_t rows_per_cluster = 50;
  std::int64_t rank = 32;       // directions in which clusters and rows spread
  double cluster_spread = 0.6;  // length of a cluster's offset from its class
  double row_spread = 0.3;      // length of a row's offset from its cluster
  double student_spread =
      0.3;  // length of a query's offset from the row it is the student's view of
  std::uint64_t seed = 0;
};

struct Clouds {
  torch::Tensor embeddings;   // (N, D) unit rows: z
  torch::Tensor soft_labels;  // (N, C): p^T
  torch::Tensor queries;      // (Q, D) unit rows: s of rows that the base does not hold
};

/// N rows and Q queries of dimension D. A row is norm(class + cluster's offset + own offset), the
/// offsets Gaussian in the class's `rank` directions with lengths that fall off as 1/sqrt(i), a
/// tenth of the own offset in all D. p^T is a softmax over the similarities to the classes'
/// centers.
Clouds make_clouds(std::int64_t rows, std::int64_t queries, std::int64_t dimension,
                   const CloudOptions& options);

/// The last Q rows of a real one as queries, offset as a student's would be; the rest is the base.
Clouds split_clouds(const torch::Tensor& embeddings, const torch::Tensor& soft_labels,
                    std::int64_t queries, const CloudOptions& options);

}  // namespace reaugkd::bench
