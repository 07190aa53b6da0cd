// FAISS's HNSW and flat index (inner product) behind our own interface: what retrieval is compared
// with. The one file that sees FAISS.
#pragma once

#include <memory>

#include "retrieval/index.h"

namespace reaugkd::bench {

struct FaissIndex {
  std::unique_ptr<retrieval::Index> index;
  double build_seconds = 0;
  double bytes = 0;  // of what FAISS would write to a file
};

/// Whether this program was built with FAISS.
bool has_faiss();

/// Over (N, D) fp32, inserted by options.threads threads. InternalError without FAISS.
FaissIndex build_faiss_hnsw(const torch::Tensor& embeddings,
                            const retrieval::IndexOptions& options);
FaissIndex build_faiss_flat(const torch::Tensor& embeddings);

}  // namespace reaugkd::bench
