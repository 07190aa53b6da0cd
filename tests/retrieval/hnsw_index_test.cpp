#include <sys/resource.h>

#include <csignal>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "retrieval/embeddings.h"
#include "retrieval/indexes.h"
#include "temporary_directory.h"

namespace reaugkd::retrieval {
namespace {

constexpr IndexOptions kSmall = {.M = 8, .ef_construction = 60, .ef_search = 64};

std::string bytes_of(const Index& index, const std::filesystem::path& path) {
  index.save(path);
  return base::read_file(path);
}

TEST_CASE("HNSW finds nearly all that the exact search finds, with the same similarities") {
  const auto embeddings = tests::clustered_rows(2000, 24, 6, 0.5, 1);
  const auto queries = tests::clustered_rows(100, 24, 6, 0.5, 1);
  const auto index = build_hnsw_index(embeddings, {.M = 16, .ef_construction = 100});
  CHECK(index->kind() == "hnsw");
  CHECK(index->size() == 2000);
  CHECK(index->dimension() == 24);
  const auto found = index->search(queries, 10);
  const auto exact = make_exact_index(embeddings)->search(queries, 10);
  CHECK(recall(found, exact) >= 0.98);
  const auto same = found.indices == exact.indices;
  CHECK((found.similarities - exact.similarities).abs().masked_select(same).max().item<float>() <
        1e-5);
}

TEST_CASE("HNSW results are sorted, ties by row, and fewer are a prefix of more") {
  const auto embeddings = tests::unit_rows(40, 16, 3).repeat({5, 1});
  const auto index = build_hnsw_index(embeddings, kSmall);
  const auto queries = tests::unit_rows(20, 16, 4);
  const auto found = index->search(queries, 12);
  for (std::int64_t i = 0; i < 20; ++i) {
    for (std::int64_t j = 1; j < 12; ++j) {
      const auto before = found.similarities[i][j - 1].item<float>();
      const auto here = found.similarities[i][j].item<float>();
      CHECK(before >= here);
      if (before == here) {
        CHECK(found.indices[i][j - 1].item<std::int64_t>() <
              found.indices[i][j].item<std::int64_t>());
      }
    }
  }
  CHECK(torch::equal(index->search(queries, 3).indices, found.first(3).indices));
}

TEST_CASE("HNSW with k beyond ef_search and beyond N") {
  const auto index =
      build_hnsw_index(tests::unit_rows(30, 8, 1), {.M = 8, .ef_construction = 60, .ef_search = 2});
  const auto queries = tests::unit_rows(2, 8, 2);
  CHECK((index->search(queries, 20).indices >= 0).all().item<bool>());
  const auto found = index->search(queries, 40);
  CHECK((found.indices.slice(1, 0, 30) >= 0).all().item<bool>());
  CHECK((found.indices.slice(1, 30, 40) == -1).all().item<bool>());
}

TEST_CASE("an index of one row") {
  const tests::TemporaryDirectory directory;
  const auto embeddings = tests::unit_rows(1, 8, 1);
  const auto index = build_hnsw_index(embeddings, kSmall);
  CHECK(index->search(embeddings, 1).indices.item<std::int64_t>() == 0);
  index->save(directory.path() / "index.hnsw");
  const auto loaded = load_hnsw_index(directory.path() / "index.hnsw", embeddings, kSmall);
  CHECK(loaded->search(embeddings, 1).similarities.item<float>() == Approx(1));
}

TEST_CASE("one thread builds the same bytes from the same seed") {
  const tests::TemporaryDirectory directory;
  const auto embeddings = tests::unit_rows(600, 16, 1);
  const auto path = directory.path() / "index.hnsw";
  IndexOptions options = kSmall;
  const std::string first = bytes_of(*build_hnsw_index(embeddings, options), path);
  CHECK((bytes_of(*build_hnsw_index(embeddings, options), path) == first));  // no dump of bytes
  options.seed = 1;
  CHECK((bytes_of(*build_hnsw_index(embeddings, options), path) != first));
}

TEST_CASE("several threads build an index as good, which passes the checks") {
  const tests::TemporaryDirectory directory;
  const auto embeddings = tests::clustered_rows(2000, 16, 4, 0.5, 1);
  IndexOptions options = kSmall;
  options.threads = 4;
  const auto index = build_hnsw_index(embeddings, options);
  index->save(directory.path() / "index.hnsw");
  const auto loaded = load_hnsw_index(directory.path() / "index.hnsw", embeddings, options);
  const auto queries = embeddings.slice(0, 0, 100);
  CHECK(recall(loaded->search(queries, 10), make_exact_index(embeddings)->search(queries, 10)) >=
        0.95);
}

TEST_CASE("several threads may search one index") {
  const auto index = build_hnsw_index(tests::unit_rows(300, 16, 1), kSmall);
  const auto queries = tests::unit_rows(50, 16, 2);
  const auto alone = index->search(queries, 5);
  std::vector<Neighbors> found(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : found) threads.emplace_back([&] { mine = index->search(queries, 5); });
  }
  for (const auto& theirs : found) {
    CHECK(torch::equal(theirs.indices, alone.indices));
    CHECK(torch::equal(theirs.similarities, alone.similarities));
  }
}

TEST_CASE("a loaded index finds the same and saves the same bytes") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "index.hnsw";
  const auto embeddings = tests::clustered_rows(800, 17, 4, 0.3, 1);
  const auto queries = tests::unit_rows(50, 17, 5);
  const auto index = build_hnsw_index(embeddings, kSmall);
  const std::string bytes = bytes_of(*index, path);
  const auto loaded = load_hnsw_index(path, embeddings, kSmall);
  for (const std::int64_t k : {1, 10, 100}) {
    const auto before = index->search(queries, k);
    const auto after = loaded->search(queries, k);
    CHECK(torch::equal(before.indices, after.indices));
    CHECK(torch::equal(before.similarities, after.similarities));
  }
  CHECK((bytes_of(*loaded, directory.path() / "again.hnsw") == bytes));
}

TEST_CASE("ef_search is what load is given, not hnswlib's 10") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "index.hnsw";
  const auto embeddings = tests::unit_rows(2000, 24, 1);
  const auto queries = tests::unit_rows(60, 24, 2);
  IndexOptions options = {.M = 4, .ef_construction = 20, .ef_search = 400};
  build_hnsw_index(embeddings, options)->save(path);
  const auto exact = make_exact_index(embeddings)->search(queries, 10);
  const double wide =
      recall(load_hnsw_index(path, embeddings, options)->search(queries, 10), exact);
  options.ef_search = 10;
  const double narrow =
      recall(load_hnsw_index(path, embeddings, options)->search(queries, 10), exact);
  CHECK(wide > narrow + 0.2);
}

TEST_CASE("loading refuses foreign embeddings, a wrong dimension, other options, no file") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "index.hnsw";
  const auto embeddings = tests::unit_rows(100, 16, 1);
  build_hnsw_index(embeddings, kSmall)->save(path);
  CHECK_NOTHROW(load_hnsw_index(path, embeddings, kSmall));

  CHECK_THROWS_AS(load_hnsw_index(path, tests::unit_rows(100, 16, 2), kSmall), base::ArtifactError);
  auto changed = embeddings.clone();
  changed[57][15] += 1e-6F;
  CHECK_THROWS_WITH(load_hnsw_index(path, changed, kSmall), ContainsSubstring("row 57"));
  CHECK_THROWS_AS(load_hnsw_index(path, tests::unit_rows(100, 15, 1), kSmall), base::ArtifactError);
  CHECK_THROWS_AS(load_hnsw_index(path, tests::unit_rows(101, 16, 1), kSmall), base::ArtifactError);
  IndexOptions options = kSmall;
  options.M = 9;
  CHECK_THROWS_AS(load_hnsw_index(path, embeddings, options), base::ArtifactError);
  options = kSmall;
  options.ef_construction = 61;
  CHECK_THROWS_AS(load_hnsw_index(path, embeddings, options), base::ArtifactError);
  CHECK_THROWS_AS(load_hnsw_index(directory.path() / "none", embeddings, kSmall), base::IoError);
  CHECK_THROWS_AS(load_hnsw_index(directory.path(), embeddings, kSmall), base::IoError);
  base::write_file(path, "");
  CHECK_THROWS_AS(load_hnsw_index(path, embeddings, kSmall), base::ArtifactError);
}

/// As on a full disk: writes beyond `bytes` fail while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

TEST_CASE("a save that does not fit is an error and leaves the old file") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "index.hnsw";
  base::write_file(path, "old");
  const auto index = build_hnsw_index(tests::unit_rows(300, 16, 1), kSmall);
  std::string message;
  {
    const FileSizeLimit limit(20'000);
    try {
      index->save(path);
    } catch (const base::IoError& error) {
      message = error.what();
    }
  }
  CHECK_THAT(message, ContainsSubstring("cannot be written"));
  CHECK(base::read_file(path) == "old");
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
  CHECK_THROWS_AS(index->save(directory.path() / "none" / "index.hnsw"), base::IoError);
}

}  // namespace
}  // namespace reaugkd::retrieval
