// Repeated keys are stored once, and answer as if every row were stored.
#include "retrieval/distinct_keys.h"

#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "catch.h"
#include "retrieval/embeddings.h"
#include "retrieval/indexes.h"
#include "temporary_directory.h"

namespace reaugkd::retrieval {
namespace {

const IndexKind& hnsw() {
  return *find_index_kind("hnsw");
}

const IndexKind& exact() {
  return *find_index_kind("exact");
}

/// N rows in random order: a share of them is `distinct` and occurs once, the others repeat one of
/// a twentieth of these as often as a text repeats itself, some very often.
torch::Tensor rows_with_repeats(std::int64_t rows, std::int64_t dimension, double repeated,
                                std::uint64_t seed) {
  const auto distinct = static_cast<std::int64_t>(static_cast<double>(rows) * (1 - repeated));
  const auto keys = tests::clustered_rows(distinct, dimension, 8, 0.5, seed);
  base::Random random(seed);
  std::vector<std::int64_t> picked;
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto often = static_cast<std::uint64_t>(std::max<std::int64_t>(1, distinct / 20));
    picked.push_back(
        i < distinct ? i : static_cast<std::int64_t>(random.below(1 + random.below(often))));
  }
  random.shuffle(picked);
  return keys.index_select(0, torch::tensor(picked, torch::kInt64));
}

void check_equal(const Neighbors& found, const Neighbors& expected) {
  CHECK(torch::equal(found.indices, expected.indices));
  CHECK(torch::equal(found.similarities, expected.similarities));
}

TEST_CASE("rows are grouped by the bytes of their keys", "[distinct keys]") {
  const auto rows = tests::unit_rows(3, 5, 1).index_select(0, torch::tensor({2, 0, 2, 1, 0, 2}));
  for (const auto& embeddings : {rows, rows.to(torch::kFloat16)}) {
    const auto keys = distinct_keys(embeddings);
    CHECK(keys.first_rows == std::vector<std::int64_t>{0, 1, 3});
    CHECK(keys.first_of == std::vector<std::int64_t>{0, 1, 0, 3, 1, 0});
    CHECK(keys.next_of == std::vector<std::int64_t>{2, 4, 5, -1, -1, -1});
    CHECK_FALSE(keys.every_row());
  }
  auto near = rows.slice(0, 0, 1).repeat({2, 1});
  near[1][4] = std::nextafter(near[1][4].item<float>(), 2.0F);
  CHECK(distinct_keys(near).every_row());
}

TEST_CASE("an exact search over distinct keys answers as one over all rows", "[distinct keys]") {
  const auto queries = tests::clustered_rows(40, 16, 8, 0.5, 1);
  for (const double repeated : {0.0, 0.5, 0.9, 0.99}) {
    const auto embeddings = rows_with_repeats(1500, 16, repeated, 1);
    const auto all = make_exact_index(embeddings);
    const auto index = build_index(exact(), embeddings, {});
    CHECK(index->size() == 1500);
    CHECK(index->kind() == "exact");
    for (const std::int64_t k : {1, 16, 300, 1500, 1600}) {
      INFO(repeated << " repeated, k " << k);
      check_equal(index->search(queries, k), all->search(queries, k));
    }
  }
}

TEST_CASE("rows of keys that are equally similar are merged by row", "[distinct keys]") {
  // Two keys mirror each other about the query: a, b, a, b, c.
  const auto embeddings =
      torch::tensor({{0.6F, 0.8F}, {0.6F, -0.8F}, {0.6F, 0.8F}, {0.6F, -0.8F}, {-1.0F, 0.0F}});
  const auto query = torch::tensor({{1.0F, 0.0F}});
  const auto index = build_index(exact(), embeddings, {});
  for (const std::int64_t k : {1, 2, 3, 4, 5}) {
    CHECK(torch::equal(index->search(query, k).indices[0], torch::arange(k)));
  }
  const auto without = search_excluding(*index, query, 2, {{1}});
  CHECK(torch::equal(without.indices[0], torch::tensor({0, 2}, torch::kInt64)));
}

TEST_CASE("rows left out leave the others with their key", "[distinct keys]") {
  const auto embeddings = rows_with_repeats(1200, 12, 0.9, 2);
  const auto queries = embeddings.slice(0, 0, 60);
  const auto all = make_exact_index(embeddings);
  const auto keys = distinct_keys(embeddings);
  std::vector<std::vector<std::int64_t>> excluded(60);
  for (std::int64_t i = 0; i < 60; ++i) {
    excluded[i].push_back(i);
    if (i % 3 == 0) continue;
    for (std::int64_t row = 0; row < 1200; ++row) {  // all with its key, or every second of them
      if (keys.first_of[row] == keys.first_of[i] && (i % 3 == 1 || row % 2 == 0)) {
        excluded[i].push_back(row);
      }
    }
  }
  excluded[7].resize(0);
  for (std::int64_t row = 0; row < 1190; ++row) excluded[7].push_back(row);
  for (const auto* kind : {&exact(), &hnsw()}) {
    const auto index = build_index(*kind, embeddings, {.ef_search = 200});
    const auto found = search_excluding(*index, queries, 16, excluded);
    const auto expected = search_excluding(*all, queries, 16, excluded);
    CHECK(torch::equal(found.indices, expected.indices));
    // HNSW's are 1 - (1 - s.z).
    CHECK(torch::allclose(found.similarities, expected.similarities, 0, 1e-6));
  }
}

TEST_CASE("HNSW finds the neighbors whatever share of the rows repeats one", "[distinct keys]") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "index.hnsw";
  const auto queries = tests::clustered_rows(200, 24, 8, 0.5, 1);
  for (const double repeated : {0.5, 0.9, 0.99}) {
    INFO(repeated);
    const auto embeddings = rows_with_repeats(6000, 24, repeated, 1);
    const auto index = build_index(hnsw(), embeddings, {});
    const auto wanted = make_exact_index(embeddings)->search(queries, 16);
    const auto found = index->search(queries, 16);
    CHECK(recall(found, wanted) >= 0.98);
    CHECK(index->size() == 6000);
    CHECK(index->approximate());
    index->set_candidates(64);
    CHECK(index->candidates() == 64);
    index->set_candidates(128);
    index->save(path);
    const auto loaded = load_index_file(hnsw(), path, embeddings, {});
    CHECK(loaded->size() == 6000);
    check_equal(loaded->search(queries, 16), found);
  }
}

TEST_CASE("where no key is repeated the file is what it was", "[distinct keys]") {
  const tests::TemporaryDirectory directory;
  const auto bytes_of = [&](const Index& index) {
    index.save(directory.path() / "index.hnsw");
    return base::read_file(directory.path() / "index.hnsw");
  };
  const auto embeddings = tests::unit_rows(300, 8, 1);
  const IndexOptions options = {.M = 4, .ef_construction = 20};
  CHECK((bytes_of(*build_index(hnsw(), embeddings, options)) ==
         bytes_of(*build_hnsw_index(embeddings, options))));
}

TEST_CASE("index.hnsw holds each key once, under its first row", "[distinct keys]") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "index.hnsw";
  const auto embeddings = rows_with_repeats(400, 8, 0.75, 3);
  const IndexOptions options = {.M = 4, .ef_construction = 20};
  build_index(hnsw(), embeddings, options)->save(path);
  const auto first_rows = distinct_keys(embeddings).first_rows;
  REQUIRE(hnsw_elements(path) == static_cast<std::int64_t>(first_rows.size()));
  const std::string bytes = base::read_file(path);
  constexpr std::size_t kLabel = 4 + 8 * 4 + 4 * 8;  // links of level 0, then the vector
  for (std::size_t i = 0; i < first_rows.size(); ++i) {
    std::int64_t label = 0;
    std::memcpy(&label, bytes.data() + 96 + i * (kLabel + 8) + kLabel, sizeof label);
    CHECK(label == first_rows[i]);
  }
  // Another knowledge base whose rows repeat otherwise.
  auto other = embeddings.clone();
  other[first_rows[5]] = other[first_rows[4]];
  CHECK_THROWS_AS(load_index_file(hnsw(), path, other, options), base::ArtifactError);
}

TEST_CASE("a file of an earlier version holds a key for each row, and is read", "[distinct keys]") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "index.hnsw";
  const auto embeddings = tests::unit_rows(40, 8, 3).repeat({5, 1});
  const auto queries = tests::unit_rows(10, 8, 4);
  const auto index = build_hnsw_index(embeddings, {});
  index->save(path);
  check_equal(load_index_file(hnsw(), path, embeddings, {})->search(queries, 7),
              index->search(queries, 7));
}

TEST_CASE("HNSW finds its way among near duplicates", "[distinct keys]") {
  // Among rows 1e-4 apart many are equally similar in fp32, and those of the lowest rows take more
  // candidates to find.
  for (const double noise : {1e-4, 1e-3, 1e-2}) {
    INFO(noise);
    const auto embeddings = tests::clustered_rows(5000, 24, 20, noise, 1);
    const auto index = build_index(hnsw(), embeddings, {});
    for (const double from_center : {noise, 0.3}) {
      const auto queries = tests::clustered_rows(200, 24, 20, from_center, 1);
      const auto wanted = make_exact_index(embeddings)->search(queries, 16);
      index->set_candidates(128);
      const auto short_of = wanted.similarities - index->search(queries, 16).similarities;
      CHECK((short_of <= 1e-6).to(torch::kFloat64).mean().item<double>() >= 0.98);
      index->set_candidates(512);
      CHECK(recall(index->search(queries, 16), wanted) >= 0.98);
    }
  }
}

std::string saved(const Index& index, const std::filesystem::path& path) {
  index.save(path);
  return base::read_file(path);
}

TEST_CASE("new rows are inserted into the index of the old ones", "[extend]") {
  const tests::TemporaryDirectory directory;
  const auto old = directory.path() / "old.hnsw";
  // Repeated rows before and among the new ones, some of them new keys.
  for (const double repeated : {0.0, 0.6}) {
    INFO(repeated);
    const auto all = rows_with_repeats(3000, 16, repeated, 5);
    const IndexOptions options = {.M = 8, .ef_construction = 60, .ef_search = 100};
    const std::string before = saved(*build_index(hnsw(), all.slice(0, 0, 2800), options), old);
    const auto extended = extend_index_file(hnsw(), old, 2800, all, options);
    REQUIRE(extended != nullptr);
    CHECK(extended->size() == 3000);
    CHECK((base::read_file(old) == before));
    const auto rebuilt = build_index(hnsw(), all, options);
    const auto exactly = make_exact_index(all);
    for (const auto& queries : {tests::clustered_rows(200, 16, 8, 0.5, 5), all.slice(0, 2800)}) {
      const auto wanted = exactly->search(queries, 16);
      CHECK(recall(extended->search(queries, 16), wanted) >=
            recall(rebuilt->search(queries, 16), wanted) - 0.005);
    }
    // It is written, checked and read as any other, and the same every time.
    const auto path = directory.path() / "index.hnsw";
    const std::string bytes = saved(*extended, path);
    const auto loaded = load_index_file(hnsw(), path, all, options);
    check_equal(loaded->search(all.slice(0, 2900), 16), extended->search(all.slice(0, 2900), 16));
    CHECK((saved(*extend_index_file(hnsw(), old, 2800, all, options), path) == bytes));
    IndexOptions threads = options;
    threads.threads = 3;
    CHECK(extend_index_file(hnsw(), old, 2800, all, threads)->size() == 3000);
  }
}

TEST_CASE("a new row with a known key only joins it", "[extend]") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "index.hnsw";
  const auto rows = tests::unit_rows(50, 8, 1);
  const std::string before = saved(*build_index(hnsw(), rows, {}), path);
  const auto all = torch::cat({rows, rows.slice(0, 7, 8)});
  const auto extended = extend_index_file(hnsw(), path, 50, all, {});
  const auto found = extended->search(rows.slice(0, 7, 8), 2);
  CHECK(torch::equal(found.indices, torch::tensor({{7, 50}}, torch::kInt64)));
  CHECK((saved(*extended, path) == before));
}

TEST_CASE("what cannot be extended is left to be built anew, what is damaged is refused",
          "[extend]") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "index.hnsw";
  const auto rows = tests::unit_rows(30, 8, 1).repeat({2, 1});
  const auto all = torch::cat({rows, tests::unit_rows(5, 8, 2)});
  build_hnsw_index(rows, {})->save(path);  // as an earlier version wrote it
  CHECK(extend_index_file(hnsw(), path, 60, all, {}) == nullptr);
  CHECK(extend_index_file(exact(), path, 60, all, {}) == nullptr);
  build_index(hnsw(), rows, {})->save(path);
  CHECK(extend_index_file(hnsw(), path, 60, all, {}) != nullptr);
  auto changed = all.clone();
  changed[3] = all[64];
  CHECK_THROWS_AS(extend_index_file(hnsw(), path, 60, changed, {}), base::ArtifactError);
}

}  // namespace
}  // namespace reaugkd::retrieval
