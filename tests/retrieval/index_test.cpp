#include "retrieval/indexes.h"

#include <limits>

#include "base/error.h"
#include "catch.h"
#include "retrieval/embeddings.h"

namespace reaugkd::retrieval {
namespace {

std::vector<std::int64_t> row_of(const torch::Tensor& values, std::int64_t row) {
  const auto line = values[row].contiguous();
  return {line.data_ptr<std::int64_t>(), line.data_ptr<std::int64_t>() + line.numel()};
}

using Rows = std::vector<std::int64_t>;

TEST_CASE("the exact index finds what a double-precision sort finds") {
  const auto embeddings = tests::unit_rows(500, 24, 1);
  const auto queries = tests::unit_rows(40, 24, 2);
  const auto found = make_exact_index(embeddings)->search(queries, 10);
  const auto products = queries.to(torch::kFloat64).matmul(embeddings.to(torch::kFloat64).t());
  const auto [values, rows] = products.sort(1, /*descending=*/true);
  CHECK(torch::equal(found.indices, rows.slice(1, 0, 10)));
  CHECK(torch::allclose(found.similarities.to(torch::kFloat64), values.slice(1, 0, 10), 0, 1e-6));
}

TEST_CASE("equal similarities: the lower row first, also at the k-th place") {
  // Rows r, r + 50, r + 100, ... are the same vector: 8 copies of each.
  const auto distinct = tests::unit_rows(50, 19, 3);
  const auto embeddings = distinct.repeat({8, 1});
  const auto index = make_exact_index(embeddings);
  const auto queries = tests::unit_rows(30, 19, 4);
  for (const std::int64_t k : {1, 5, 8, 11, 100, 395}) {
    const auto found = index->search(queries, k);
    const auto products = queries.to(torch::kFloat64).matmul(distinct.to(torch::kFloat64).t());
    const auto order = products.argsort(1, /*descending=*/true);
    for (std::int64_t i = 0; i < queries.size(0); ++i) {
      Rows expected;
      for (std::int64_t j = 0; j < k; ++j) {
        expected.push_back(order[i][j / 8].item<std::int64_t>() + 50 * (j % 8));
      }
      CHECK(row_of(found.indices, i) == expected);
    }
  }
}

TEST_CASE("more ties than candidates") {
  const auto one = tests::unit_rows(1, 16, 5);
  auto embeddings = one.repeat({1000, 1});
  embeddings[400] = tests::unit_rows(1, 16, 6)[0];
  const auto found = make_exact_index(embeddings)->search(one.repeat({3, 1}), 4);
  for (std::int64_t i = 0; i < 3; ++i) CHECK(row_of(found.indices, i) == Rows{0, 1, 2, 3});
  const auto all = make_exact_index(embeddings)->search(one, 1000);
  CHECK(all.indices[0][998].item<std::int64_t>() == 999);
  CHECK(all.indices[0][999].item<std::int64_t>() == 400);
}

TEST_CASE("an exact search in parts finds what one in whole finds") {
  // Equal keys lie in several parts, and some parts have fewer rows than are asked for.
  const auto embeddings = tests::unit_rows(50, 19, 3).repeat({4, 1}).to(torch::kFloat16);
  const auto queries = tests::unit_rows(30, 19, 4);
  std::vector<std::int64_t> stored;
  for (std::int64_t row = 1; row < embeddings.size(0); row += 1 + row % 3) stored.push_back(row);
  for (const auto& keys : {Keys(embeddings), Keys(embeddings, stored)}) {
    const auto whole = make_exact_index(keys);
    for (const std::int64_t rows : {1, 7, 64, 1000}) {
      const auto parts = make_exact_index_in_parts(keys, torch::kCPU, rows);
      CHECK(parts->size() == whole->size());
      for (const std::int64_t k : {1, 11, 70, 300}) {
        const auto wanted = whole->search(queries, k);
        const auto found = parts->search(queries, k);
        CHECK(torch::equal(found.indices, wanted.indices));
        CHECK(torch::equal(found.similarities, wanted.similarities));
      }
    }
  }
}

TEST_CASE("fp16 embeddings are searched as their fp32 values, bit by bit") {
  // 9,000 rows of D = 512 are converted in three blocks, the last one not full; every row twice.
  const auto rows = tests::unit_rows(4500, 512, 8).to(torch::kFloat16).repeat({2, 1});
  const auto half = make_exact_index(rows);
  const auto rounded = make_exact_index(rows.to(torch::kFloat32));
  for (const std::int64_t batch : {1, 2, 33}) {
    const auto queries = tests::unit_rows(batch, 512, 9);
    for (const std::int64_t k : {1, 16, 3000}) {
      const auto found = half->search(queries, k);
      const auto expected = rounded->search(queries, k);
      CHECK(torch::equal(found.indices, expected.indices));
      CHECK(torch::equal(found.similarities, expected.similarities));
    }
  }
}

TEST_CASE("a query's result does not depend on its batch") {
  const auto embeddings = tests::clustered_rows(3000, 37, 5, 0.01, 1);
  const auto queries = tests::clustered_rows(33, 37, 5, 0.01, 1);
  const auto index = make_exact_index(embeddings);
  const auto together = index->search(queries, 20);
  for (std::int64_t i = 0; i < queries.size(0); ++i) {
    const auto alone = index->search(queries.slice(0, i, i + 1), 20);
    CHECK(torch::equal(alone.indices[0], together.indices[i]));
    CHECK(torch::equal(alone.similarities[0], together.similarities[i]));
  }
}

TEST_CASE("k beyond N gives N neighbours and empty slots; fewer are a prefix of more") {
  const auto index = make_exact_index(tests::unit_rows(6, 8, 1));
  const auto queries = tests::unit_rows(2, 8, 2);
  const auto found = index->search(queries, 9);
  REQUIRE(found.k() == 9);
  CHECK((found.indices.slice(1, 0, 6) >= 0).all().item<bool>());
  CHECK((found.indices.slice(1, 6, 9) == -1).all().item<bool>());
  CHECK(found.similarities.slice(1, 6, 9).isneginf().all().item<bool>());
  CHECK(torch::equal(found.first(4).indices, index->search(queries, 4).indices));
  CHECK(torch::equal(found.first(4).similarities, index->search(queries, 4).similarities));
  CHECK(found.first(20).k() == 9);
}

TEST_CASE("queries that are not finite, or not of the dimension") {
  const auto index = make_exact_index(tests::unit_rows(6, 8, 1));
  auto queries = tests::unit_rows(2, 8, 2);
  CHECK_THROWS_AS(index->search(queries.slice(1, 0, 7), 1), base::InternalError);
  CHECK_THROWS_AS(index->search(queries, 0), base::InternalError);
  queries[1][3] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(index->search(queries, 1), base::NumericError);
}

TEST_CASE("no queries, no neighbours") {
  const auto index = make_exact_index(tests::unit_rows(6, 8, 1));
  CHECK(index->search(torch::empty({0, 8}), 3).indices.sizes() == torch::IntArrayRef({0, 3}));
}

TEST_CASE("search_excluding drops the query's own row and its duplicates") {
  const auto embeddings = tests::unit_rows(20, 8, 1);
  const auto index = make_exact_index(embeddings);
  const auto queries = embeddings.slice(0, 0, 3);
  const auto all = index->search(queries, 20);
  const Rows order = row_of(all.indices, 1);
  REQUIRE(order[0] == 1);

  const auto found = search_excluding(*index, queries, 3, {{}, {1, order[2]}, {2, 2}});
  CHECK(row_of(found.indices, 0) == Rows{0, row_of(all.indices, 0)[1], row_of(all.indices, 0)[2]});
  CHECK(row_of(found.indices, 1) == Rows{order[1], order[3], order[4]});
  CHECK(found.similarities[1][1].item<float>() == all.similarities[1][3].item<float>());
  CHECK(row_of(found.indices, 2)[0] == row_of(all.indices, 2)[1]);
}

TEST_CASE("one query's long list changes nothing for the others") {
  const auto embeddings = tests::unit_rows(300, 8, 1);
  const auto queries = tests::unit_rows(3, 8, 2);
  const auto exact = make_exact_index(embeddings);
  const auto all = exact->search(queries, 300);
  std::vector<std::vector<std::int64_t>> excluded(3);
  const Rows order = row_of(all.indices, 1);
  excluded[1].assign(order.begin(), order.begin() + 200);
  excluded[2] = {row_of(all.indices, 2)[1]};
  const auto found = search_excluding(*exact, queries, 4, excluded);
  CHECK(row_of(found.indices, 1) == Rows(order.begin() + 200, order.begin() + 204));
  CHECK(row_of(found.indices, 2)[1] == row_of(all.indices, 2)[2]);
  const auto graph = build_hnsw_index(embeddings, {.M = 2, .ef_construction = 4, .ef_search = 1});
  excluded[1].resize(1);
  const auto few = search_excluding(*graph, queries, 4, excluded);
  excluded[1].assign(order.begin(), order.begin() + 200);
  const auto many = search_excluding(*graph, queries, 4, excluded);
  const auto none = search_excluding(*graph, queries, 4, {{}, {}, {}});
  CHECK(row_of(none.indices, 0) == row_of(few.indices, 0));
  CHECK(row_of(few.indices, 0) == row_of(many.indices, 0));
  CHECK(row_of(few.indices, 2) == row_of(many.indices, 2));
}

TEST_CASE("search_excluding pads where too few rows are left") {
  const auto index = make_exact_index(tests::unit_rows(4, 8, 1));
  const auto found = search_excluding(*index, tests::unit_rows(1, 8, 2), 3, {{0, 1, 3}});
  CHECK(row_of(found.indices, 0) == Rows{2, -1, -1});
  CHECK(found.similarities.slice(1, 1, 3).isneginf().all().item<bool>());
  const auto more = search_excluding(*index, tests::unit_rows(1, 8, 2), 6, {{1}});
  REQUIRE(more.k() == 6);
  CHECK((more.indices >= 0).sum().item<std::int64_t>() == 3);
}

TEST_CASE("recall is the mean share of the exact neighbours") {
  const auto of = [](const torch::Tensor& rows) {
    return Neighbors{rows, torch::zeros(rows.sizes())};
  };
  const auto exact = of(torch::tensor({{1, 2, 3, 4}, {5, 6, -1, -1}}, torch::kInt64));
  CHECK(recall(exact, exact) == 1);
  const auto found = of(torch::tensor({{4, 9, 1, 8}, {6, -1, -1, -1}}, torch::kInt64));
  CHECK(recall(found, exact) == Approx(0.5));
  const auto other = of(torch::tensor({{4, 3, 2, 1}, {7, 8, -1, -1}}, torch::kInt64));
  CHECK(recall(other, exact) == Approx(0.5));
}

TEST_CASE("names of index kinds") {
  CHECK(index_kinds().at(0) == "hnsw");  // another test adds to the table
  CHECK(index_kinds().at(1) == "exact");
}

}  // namespace
}  // namespace reaugkd::retrieval
