// How a query head begins.
#include "distill/query_head.h"

#include "catch.h"
#include "models/classifier.h"
#include "retrieval/embeddings.h"

namespace reaugkd::distill {
namespace {

TEST_CASE("a query head of the student's width begins as the identity", "[query_head]") {
  const auto x = tests::normal(5, 8, 1);
  CHECK(torch::equal(make_query_head(8, 8, 3)(x), x));
}

TEST_CASE("a query head of another width is drawn by the seed and keeps lengths", "[query_head]") {
  const auto head = make_query_head(512, 300, 3);
  CHECK(torch::equal(head->weight, make_query_head(512, 300, 3)->weight));
  CHECK_FALSE(torch::equal(head->weight, make_query_head(512, 300, 4)->weight));
  CHECK(head->bias.abs().max().item<float>() == 0);
  CHECK((head->weight.square().mean() * 300).item<double>() == Approx(1).epsilon(0.02));
}

}  // namespace
}  // namespace reaugkd::distill
