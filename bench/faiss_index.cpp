#include "faiss_index.h"

#include "base/error.h"

#ifdef REAUGKD_FAISS
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/impl/io.h>
#include <faiss/index_io.h>

#include <chrono>
#endif

namespace reaugkd::bench {

#ifdef REAUGKD_FAISS
namespace {

class Adapter final : public retrieval::Index {
 public:
  explicit Adapter(std::unique_ptr<faiss::Index> index) : index_(std::move(index)) {}

  std::string kind() const override { return "faiss"; }
  std::int64_t size() const override { return index_->ntotal; }
  std::int64_t dimension() const override { return index_->d; }
  retrieval::Neighbors search(const torch::Tensor& queries, std::int64_t k) const override {
    const auto all = checked_queries(queries, k);
    auto found = retrieval::Neighbors::none(all.size(0), k);
    index_->search(all.size(0), all.data_ptr<float>(), k, found.similarities.data_ptr<float>(),
                   found.indices.data_ptr<std::int64_t>());
    return found;
  }

 private:
  std::unique_ptr<faiss::Index> index_;
};

FaissIndex filled(std::unique_ptr<faiss::Index> index, const torch::Tensor& embeddings) {
  const auto start = std::chrono::steady_clock::now();
  index->add(embeddings.size(0), embeddings.data_ptr<float>());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  faiss::VectorIOWriter file;
  faiss::write_index(index.get(), &file);
  const auto bytes = static_cast<double>(file.data.size());
  return {std::make_unique<Adapter>(std::move(index)), seconds.count(), bytes};
}

}  // namespace

bool has_faiss() {
  return true;
}

FaissIndex build_faiss_hnsw(const torch::Tensor& embeddings,
                            const retrieval::IndexOptions& options) {
  const int before = torch::get_num_threads();
  torch::set_num_threads(options.threads);  // OpenMP's, which FAISS asks too
  auto index = std::make_unique<faiss::IndexHNSWFlat>(static_cast<int>(embeddings.size(1)),
                                                      static_cast<int>(options.M),
                                                      faiss::METRIC_INNER_PRODUCT);
  index->hnsw.efConstruction = static_cast<int>(options.ef_construction);
  index->hnsw.efSearch = static_cast<int>(options.ef_search);
  auto built = filled(std::move(index), embeddings);
  torch::set_num_threads(before);
  return built;
}

FaissIndex build_faiss_flat(const torch::Tensor& embeddings) {
  return filled(std::make_unique<faiss::IndexFlatIP>(embeddings.size(1)), embeddings);
}
#else
bool has_faiss() {
  return false;
}

FaissIndex build_faiss_hnsw(const torch::Tensor&, const retrieval::IndexOptions&) {
  throw base::InternalError("built without FAISS");
}

FaissIndex build_faiss_flat(const torch::Tensor&) {
  throw base::InternalError("built without FAISS");
}
#endif

}  // namespace reaugkd::bench
