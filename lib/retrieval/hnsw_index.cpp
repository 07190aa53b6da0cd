// The only file that sees hnswlib (0.6.2 and later), whose headers hold functions that are not
// inline.
#include <ATen/Parallel.h>
#include <sys/mman.h>

// hnswlib's prefetches read up to three bytes past a full list of upper links: within what malloc
// hands out, but AddressSanitizer objects.
#if defined(__SANITIZE_ADDRESS__)
#define NO_MANUAL_VECTORIZATION
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NO_MANUAL_VECTORIZATION
#endif
#endif
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "kernels/inner_product.h"
#include "retrieval/fp32_rows.h"
#include "retrieval/hnsw_file_check.h"
#include "retrieval/indexes.h"
#include "retrieval/insertion.h"

namespace reaugkd::retrieval {
namespace {

using base::IoError;
using Graph = hnswlib::HierarchicalNSW<float>;

constexpr std::int64_t kQueriesPerTask = 8;
constexpr std::size_t kHeaderBytes = 96;  // of index.hnsw, see hnsw_file_check.cpp
constexpr std::size_t kElementCountOffset = 16;
constexpr std::size_t kMaxLevelOffset = 48;
constexpr std::size_t kEntryPointOffset = 52;

std::size_t as_size(std::int64_t value) {
  return static_cast<std::size_t>(value);
}

/// hnswlib raises ef_construction to M.
std::size_t effective_ef_construction(const IndexOptions& options) {
  return as_size(std::max(options.ef_construction, options.M));
}

void check_arguments(const torch::Tensor& embeddings, const IndexOptions& options) {
  REAUGKD_CHECK(embeddings.dim() == 2 && embeddings.size(0) > 0 && embeddings.size(1) > 0 &&
                    embeddings.size(0) < (std::int64_t{1} << 31) && embeddings.is_contiguous() &&
                    embeddings.device().is_cpu(),
                "embeddings are not (N, D), contiguous, on the CPU");
  REAUGKD_CHECK(options.M >= 2 && options.M <= 10'000, "M is {}", options.M);
  REAUGKD_CHECK(options.ef_construction >= 1 && options.ef_search >= 1 && options.threads >= 1,
                "ef_construction {}, ef_search {}, threads {}", options.ef_construction,
                options.ef_search, options.threads);
}

/// Distance 1 - s.z, as hnswlib's InnerProductSpace has it, by our kernel: hnswlib's own is chosen
/// by the flags it is compiled with, ours by the processor it runs on.
class InnerProductSpace final : public hnswlib::SpaceInterface<float> {
 public:
  explicit InnerProductSpace(std::size_t dimension) : dimension_(dimension) {}
  std::size_t get_data_size() override { return dimension_ * sizeof(float); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void* get_dist_func_param() override { return &dimension_; }

 private:
  static float distance(const void* a, const void* b, const void* dimension) {
    return 1.0F - kernels::inner_product(
                      static_cast<const float*>(a), static_cast<const float*>(b),
                      static_cast<std::int64_t>(*static_cast<const std::size_t*>(dimension)));
  }
  std::size_t dimension_;
};

/// What a priority_queue holds, in no order: to take all of it by pop() would sort it.
template <typename Queue>
const typename Queue::container_type& elements_of(const Queue& queue) {
  struct Open : Queue {
    static const typename Queue::container_type& of(const Queue& closed) {
      return closed.*(&Open::c);
    }
  };
  return Open::of(queue);
}

class HnswIndex final : public Index {
 public:
  /// An empty graph to insert into.
  HnswIndex(std::int64_t rows, std::int64_t dimension, const IndexOptions& options)
      : dimension_(dimension),
        space_(as_size(dimension)),
        graph_(std::make_unique<Graph>(
            &space_, as_size(rows), as_size(options.M), effective_ef_construction(options),
            static_cast<std::uint32_t>(base::stream_seed(options.seed, "hnsw levels")))) {
    graph_->setEf(as_size(options.ef_search));
  }
  /// A graph in the bytes of a file that has been checked.
  HnswIndex(torch::Tensor file, std::int64_t rows, std::int64_t dimension,
            const IndexOptions& options)
      : HnswIndex(rows, dimension, options) {
    file_ = std::move(file);
    adopt_file();
  }
  /// A copy of the graph in the bytes of such a file, of `known` of the `rows`, to insert the
  /// others into.
  HnswIndex(const torch::Tensor& file, std::int64_t known, std::int64_t rows,
            std::int64_t dimension, const IndexOptions& options)
      : HnswIndex(rows, dimension, options) {
    copy_file(file, known);
    graph_->level_generator_.seed(static_cast<std::uint32_t>(
        base::stream_seed(options.seed, "hnsw levels", static_cast<std::uint64_t>(known))));
  }
  /// What lies in the file is not the graph's to free.
  ~HnswIndex() override {
    if (!file_.defined()) return;
    graph_->data_level0_memory_ = nullptr;
    graph_->cur_element_count = 0;
  }
  HnswIndex(const HnswIndex&) = delete;
  HnswIndex& operator=(const HnswIndex&) = delete;

  std::string kind() const override { return "hnsw"; }
  std::int64_t size() const override { return static_cast<std::int64_t>(graph_->max_elements_); }
  std::int64_t dimension() const override { return dimension_; }
  Neighbors search(const torch::Tensor& queries, std::int64_t k) const override;

  void insert(const Keys& keys, int threads);
  bool approximate() const override { return true; }
  std::int64_t candidates() const override { return static_cast<std::int64_t>(graph_->ef_); }
  void set_candidates(std::int64_t candidates) override;
  void save(const std::filesystem::path& path) const override;

 private:
  float distance_to(const float* query, hnswlib::tableint element) const {
    return graph_->fstdistfunc_(query, graph_->getDataByInternalId(element),
                                graph_->dist_func_param_);
  }
  hnswlib::tableint entry_point(const float* query) const;
  void search_one(const float* query, std::int64_t k, std::int64_t* indices,
                  float* similarities) const;
  void adopt_file();
  void copy_file(const torch::Tensor& file, std::int64_t known);
  char* read_entry(char* bytes);

  torch::Tensor file_;  // index.hnsw's bytes, where the graph lies in them
  std::int64_t dimension_;
  InnerProductSpace space_;  // the graph points into it
  std::unique_ptr<Graph> graph_;
};

/// The keys that the graph does not hold yet. The very first one alone, so that there is an entry
/// point; the rest in order by one thread, or as they come by several.
void HnswIndex::insert(const Keys& keys, int threads) {
  const std::int64_t rows = size();
  const auto begin = static_cast<std::int64_t>(graph_->cur_element_count);
  if (begin == rows) return;
  const auto values = keys.stored(begin).to(torch::kFloat32).contiguous();
  const float* embeddings = values.data_ptr<float>();
  const auto add = [&](std::int64_t place) {
    graph_->addPoint(embeddings + (place - begin) * dimension_, as_size(keys.row(place)));
  };
  if (begin == 0) add(0);
  insert_places(std::max<std::int64_t>(begin, 1), rows, threads, add);
}

/// What hnswlib's loadIndex does, as views of the file. loadIndex copies the file and asks the
/// system for its position in it twice a row: of 393,000 rows of D = 768 that took longer than
/// everything else that opens a knowledge base.
void HnswIndex::adopt_file() {
  const auto rows = as_size(size());
  std::free(graph_->data_level0_memory_);  // never touched
  graph_->data_level0_memory_ = read_entry(reinterpret_cast<char*>(file_.data_ptr<std::uint8_t>()));
  char* next = graph_->data_level0_memory_ + rows * graph_->size_data_per_element_;
  for (std::size_t row = 0; row < rows; ++row) {
    unsigned links_bytes = 0;
    std::memcpy(&links_bytes, next, sizeof links_bytes);
    next += sizeof links_bytes;
    graph_->element_levels_[row] = static_cast<int>(links_bytes / graph_->size_links_per_element_);
    graph_->linkLists_[row] = links_bytes > 0 ? next : nullptr;
    next += links_bytes;
  }
  graph_->cur_element_count = rows;
}

/// What hnswlib's loadIndex does, with room for more.
void HnswIndex::copy_file(const torch::Tensor& file, std::int64_t known) {
  const auto rows = as_size(known);
  const char* elements = read_entry(reinterpret_cast<char*>(file.data_ptr<std::uint8_t>()));
  std::memcpy(graph_->data_level0_memory_, elements, rows * graph_->size_data_per_element_);
  const char* next = elements + rows * graph_->size_data_per_element_;
  for (std::size_t row = 0; row < rows; ++row) {
    unsigned links_bytes = 0;
    std::memcpy(&links_bytes, next, sizeof links_bytes);
    next += sizeof links_bytes;
    graph_->element_levels_[row] = static_cast<int>(links_bytes / graph_->size_links_per_element_);
    graph_->linkLists_[row] = nullptr;
    if (links_bytes > 0) {  // hnswlib frees it; a byte more, as it asks for itself
      graph_->linkLists_[row] = static_cast<char*>(std::malloc(links_bytes + 1));
      if (graph_->linkLists_[row] == nullptr) throw std::bad_alloc();
      std::memcpy(graph_->linkLists_[row], next, links_bytes);
    }
    next += links_bytes;
    graph_->cur_element_count = row + 1;
  }
}

/// Takes the header's entry point and returns where the elements begin.
char* HnswIndex::read_entry(char* bytes) {
  std::memcpy(&graph_->maxlevel_, bytes + kMaxLevelOffset, sizeof graph_->maxlevel_);
  std::memcpy(&graph_->enterpoint_node_, bytes + kEntryPointOffset,
              sizeof graph_->enterpoint_node_);
  return bytes + kHeaderBytes;
}

Neighbors HnswIndex::search(const torch::Tensor& queries, std::int64_t k) const {
  const auto all = checked_queries(queries, k).to(torch::kCPU);  // (B, D)
  Neighbors found = Neighbors::none(all.size(0), k);
  const float* query = all.data_ptr<float>();
  auto* indices = found.indices.data_ptr<std::int64_t>();
  auto* similarities = found.similarities.data_ptr<float>();
  at::parallel_for(0, all.size(0), kQueriesPerTask, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      search_one(query + i * dimension_, k, indices + i * k, similarities + i * k);
    }
  });
  return found;
}

/// Where the walk of the lowest layer begins: the nearest element of the layers above, each
/// searched greedily from the last one's.
hnswlib::tableint HnswIndex::entry_point(const float* query) const {
  auto nearest = graph_->enterpoint_node_;
  float distance = distance_to(query, nearest);
  for (int level = graph_->maxlevel_; level > 0; --level) {
    for (bool closer = true; closer;) {
      closer = false;
      auto* links = graph_->get_linklist(nearest, level);
      const auto* neighbors = links + 1;
      for (int i = 0; i < graph_->getListCount(links); ++i) {
        const auto neighbor = neighbors[i];
        if (const float found = distance_to(query, neighbor); found < distance) {
          distance = found;
          nearest = neighbor;
          closer = true;
        }
      }
    }
  }
  return nearest;
}

/// What hnswlib's searchKnn finds, without its two further heaps. All max(ef_search, k) candidates
/// are looked at: ties do not depend on the order of the walk.
void HnswIndex::search_one(const float* query, std::int64_t k, std::int64_t* indices,
                           float* similarities) const {
  const auto heap = graph_->searchBaseLayerST<false, false>(entry_point(query), query,
                                                            std::max(graph_->ef_, as_size(k)));
  std::vector<std::pair<float, hnswlib::labeltype>> found;
  found.reserve(heap.size());
  for (const auto& [distance, element] : elements_of(heap)) {
    found.emplace_back(distance, graph_->getExternalLabel(element));
  }
  const std::size_t count = std::min(found.size(), as_size(k));
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count),
                    found.end());  // distance, then row, ascending
  for (std::size_t i = 0; i < count; ++i) {
    similarities[i] = 1.0F - found[i].first;
    indices[i] = static_cast<std::int64_t>(found[i].second);
  }
}

void HnswIndex::set_candidates(std::int64_t candidates) {
  REAUGKD_CHECK(candidates >= 1, "{} candidates", candidates);
  graph_->setEf(as_size(candidates));
}

/// hnswlib does not look at its stream after a write: a full disk shows in the size of the file.
void HnswIndex::save(const std::filesystem::path& path) const {
  const auto rows = as_size(size());
  std::size_t expected = kHeaderBytes + rows * (graph_->size_data_per_element_ + sizeof(unsigned));
  for (std::size_t row = 0; row < rows; ++row) {
    expected += as_size(graph_->element_levels_[row]) * graph_->size_links_per_element_;
  }
  base::AtomicFile file(path);
  graph_->saveIndex(file.temporary_path().string());
  std::error_code error;
  const auto written = std::filesystem::file_size(file.temporary_path(), error);
  if (error || written != expected) {
    throw IoError(
        "{}: cannot be written: {} of {} bytes arrived; what stood there before is unchanged",
        path.string(), error ? 0 : written, expected);
  }
  file.commit();
}

/// The file's bytes as a private memory map.
torch::Tensor map_file(const std::filesystem::path& path) {
  std::error_code error;
  const bool regular = std::filesystem::is_regular_file(path, error);
  const auto size = regular ? std::filesystem::file_size(path, error) : 0;
  if (!regular || error) throw IoError("{}: is not a regular file", path.string());
  if (size == 0) return torch::empty({0}, torch::kUInt8);
  try {
    auto bytes = torch::from_file(path.string(), /*shared=*/false, static_cast<std::int64_t>(size),
                                  torch::kUInt8);
#ifdef MADV_POPULATE_READ  // one call in place of a page fault every 64 KiB; where it fails, those
    ::madvise(bytes.data_ptr(), size, MADV_POPULATE_READ);
#endif
    return bytes;
  } catch (const c10::Error& failure) {
    throw IoError("{}: cannot be mapped: {}", path.string(), failure.what_without_backtrace());
  }
}

/// The file's bytes, checked to be a graph over the first `elements` of `keys`.
torch::Tensor map_checked_file(const std::filesystem::path& path, const Keys& keys,
                               std::int64_t elements, const IndexOptions& options) {
  HnswFileExpectation expected{as_size(elements), as_size(keys.embeddings.size(1)),
                               as_size(options.M), effective_ef_construction(options)};
  if (!keys.rows.empty()) expected.labels = {keys.rows.data(), as_size(elements)};
  auto bytes = map_file(path);
  check_hnsw_file(
      {reinterpret_cast<const char*>(bytes.data_ptr<std::uint8_t>()), as_size(bytes.numel())},
      expected, fp32_row_reader(keys.embeddings), path.string());
  return bytes;
}

/// `keys` as a graph reads them: contiguous, on the CPU.
Keys keys_on_cpu(const Keys& keys, const IndexOptions& options) {
  Keys here{keys.embeddings.detach().to(torch::kCPU).contiguous(), keys.rows};
  check_arguments(here.embeddings, options);
  return here;
}

}  // namespace

std::unique_ptr<Index> build_hnsw_index(const Keys& keys, const IndexOptions& options) {
  const Keys here = keys_on_cpu(keys, options);
  auto index = std::make_unique<HnswIndex>(here.size(), here.embeddings.size(1), options);
  index->insert(here, options.threads);
  return index;
}

std::unique_ptr<Index> load_hnsw_index(const std::filesystem::path& path, const Keys& keys,
                                       const IndexOptions& options) {
  const Keys here = keys_on_cpu(keys, options);
  auto bytes = map_checked_file(path, here, here.size(), options);
  return std::make_unique<HnswIndex>(std::move(bytes), here.size(), here.embeddings.size(1),
                                     options);
}

std::int64_t hnsw_elements(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(kElementCountOffset);
  std::uint64_t count = 0;
  file.read(reinterpret_cast<char*>(&count), sizeof count);
  return file && count < (std::uint64_t{1} << 31) ? static_cast<std::int64_t>(count) : -1;
}

std::unique_ptr<Index> extend_hnsw_index(const std::filesystem::path& path, std::int64_t known,
                                         const Keys& keys, const IndexOptions& options) {
  const Keys here = keys_on_cpu(keys, options);
  REAUGKD_CHECK(known >= 1 && known <= here.size(), "{} of {} keys are known", known, here.size());
  auto index = std::make_unique<HnswIndex>(map_checked_file(path, here, known, options), known,
                                           here.size(), here.embeddings.size(1), options);
  index->insert(here, options.threads);
  return index;
}

}  // namespace reaugkd::retrieval
