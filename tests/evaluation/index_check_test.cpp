// build-kb's look at an index that it has just built.
#include "evaluation/index_check.h"

#include "catch.h"
#include "retrieval/indexes.h"

namespace reaugkd::evaluation {
namespace {

/// Random unit rows with labels that no direction explains: another neighbor is another answer.
retrieval::KnowledgeBase random_rows(std::int64_t rows) {
  torch::manual_seed(1);
  retrieval::KnowledgeBase kb;
  kb.embeddings = torch::nn::functional::normalize(torch::randn({rows, 24}));
  kb.logits = 4 * torch::randn({rows, 3});
  kb.soft_labels = torch::softmax(kb.logits, 1);
  kb.labels = kb.soft_labels.argmax(1).to(torch::kFloat32);
  kb.label_answers = torch::zeros({rows}, torch::kBool);
  return kb;
}

TEST_CASE("candidates rise until the answers are those of an exact search", "[index check]") {
  const auto kb = random_rows(3000);
  const auto held_out = torch::nn::functional::normalize(torch::randn({1500, 24}));
  const auto queries = held_out_queries(held_out, 1);
  REQUIRE(queries.keys.size(0) == 1000);
  const auto index =
      retrieval::build_hnsw_index(kb.embeddings, {.M = 6, .ef_construction = 40, .ef_search = 16});

  const auto as_given = check_index(*index, kb, queries, Candidates::kAsGiven);
  CHECK(as_given.ef_search == 16);
  CHECK(as_given.agreement.changed > 10);
  CHECK(as_given.agreement.recall < 0.9);
  const auto warnings = index_check_warnings(as_given);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], ContainsSubstring("`ef_search` 16 changes") &&
                              ContainsSubstring("of 1000 answers to held-out rows"));

  const auto raised = check_index(*index, kb, queries, Candidates::kMayRise);
  CHECK(raised.agreement.changed <= 1);
  CHECK(raised.ef_search > 16);
  CHECK(raised.ef_search <= 3000);
  CHECK(index->candidates() == raised.ef_search);
  CHECK(index_check_warnings(raised).empty());
}

TEST_CASE("a row that checks an index does not answer itself", "[index check]") {
  const auto kb = random_rows(40);
  const auto queries = own_row_queries(kb, 1);
  REQUIRE(queries.keys.size(0) == 40);
  const auto index = retrieval::build_hnsw_index(kb.embeddings, {});
  const auto found = retrieval::search_excluding(*index, queries.keys, 1, queries.excluded);
  CHECK(found.similarities.max().item<float>() < 0.99F);
  const auto check = check_index(*index, kb, queries, Candidates::kMayRise);
  CHECK(check.k == 16);
  CHECK(check.ef_search == 128);
  CHECK(check.agreement.recall == 1);
  CHECK(check.agreement.examples == 40);
}

TEST_CASE("two rows are enough to check an index", "[index check]") {
  const auto kb = random_rows(2);
  const auto index = retrieval::build_hnsw_index(kb.embeddings, {});
  CHECK(check_index(*index, kb, own_row_queries(kb, 1), Candidates::kMayRise).k == 2);
}

}  // namespace
}  // namespace reaugkd::evaluation
