#include "retrieval/equal_texts.h"

#include "catch.h"
#include "retrieval/distinct_keys.h"
#include "retrieval/embeddings.h"

namespace reaugkd::retrieval {
namespace {

TEST_CASE("rows of one text share the key of the first", "[equal texts]") {
  for (const auto type : {torch::kFloat32, torch::kFloat16}) {
    KnowledgeBase kb;
    const auto keys = tests::unit_rows(6, 4, 1).to(type);
    kb.embeddings = keys;
    kb.text_a = {"a", "b", "a", "a", "b", "A"};
    CHECK(share_keys_of_equal_texts(kb) == 2);
    CHECK(torch::equal(kb.embeddings, keys.index_select(0, torch::tensor({0, 1, 0, 0, 1, 5}))));
    CHECK(share_keys_of_equal_texts(kb) == 6);  // nothing is left to do
  }
}

TEST_CASE("both texts of a pair must be equal", "[equal texts]") {
  KnowledgeBase kb;
  const auto keys = tests::unit_rows(4, 4, 1);
  kb.embeddings = keys;
  kb.text_a = {"a", "a", "ab", "a"};
  kb.text_b = {"b", "c", "", "b"};
  CHECK(share_keys_of_equal_texts(kb) == 3);
  CHECK(distinct_keys(kb.embeddings).first_of == std::vector<std::int64_t>{0, 1, 2, 0});
}

TEST_CASE("without texts no key changes", "[equal texts]") {
  KnowledgeBase kb;
  kb.embeddings = tests::unit_rows(4, 4, 1);
  CHECK(share_keys_of_equal_texts(kb) == 4);
}

}  // namespace
}  // namespace reaugkd::retrieval
