// Rows made and joined: given distributions in place of the teacher's, and fp16 kept.
#include "distill/knowledge_base_rows.h"

#include "catch.h"
#include "retrieval/embeddings.h"
#include "retrieval/kb_editing.h"

namespace reaugkd::distill {
namespace {

data::Dataset two_rows(char file) {
  data::Dataset rows;
  rows.sha256 = std::string(64, file);
  rows.text_a = {"a", "b"};
  rows.labels = {0, 1};
  rows.rows = {0, 1};
  return rows;
}

const KeyMaker kKeys = {Space::kProjection, {tests::normal(4, 6, 2), torch::zeros({4})}};

train::Features features() {
  return {tests::normal(2, 6, 1), tests::normal(2, 2, 3), {}, {}};
}

TEST_CASE("the teacher's predictions are a row's soft labels, unless it came with its own",
          "[distill]") {
  const auto by_teacher =
      knowledge_base_of(features(), kKeys, two_rows('a'), base::TaskKind::kClassification);
  CHECK(torch::equal(by_teacher.logits, features().logits));
  auto rows = two_rows('a');
  rows.distributions = {0.25F, 0.75F, 1, 0};
  const auto given = knowledge_base_of(features(), kKeys, rows, base::TaskKind::kClassification);
  CHECK(torch::equal(given.embeddings, by_teacher.embeddings));
  const auto expected = torch::tensor({0.25F, 0.75F, 1.0F, 0.0F}).view({2, 2});
  CHECK(torch::allclose(given.soft_labels, expected, 0, 1e-6));
  CHECK(given.logits[0][1].item<float>() == Approx(std::log(0.75)).epsilon(1e-6));
  CHECK(given.logits[1][1].item<float>() == Approx(std::log(1e-12)).epsilon(1e-6));
}

TEST_CASE("given scores are taken as they are", "[distill]") {
  auto rows = two_rows('a');
  rows.distributions = {4.5F, -1};
  const train::Features of_scores{tests::normal(2, 6, 1), tests::normal(2, 1, 3), {}, {}};
  const auto given = knowledge_base_of(of_scores, kKeys, rows, base::TaskKind::kRegression);
  CHECK(torch::equal(given.logits, torch::tensor({4.5F, -1.0F}).view({2, 1})));
  CHECK(torch::equal(given.soft_labels, given.logits));
}

TEST_CASE("what joins an fp16 knowledge base is rounded as it is", "[distill]") {
  auto kb = knowledge_base_of(features(), kKeys, two_rows('a'), base::TaskKind::kClassification);
  const auto more =
      knowledge_base_of(features(), kKeys, two_rows('b'), base::TaskKind::kClassification);
  kb.embeddings = kb.embeddings.to(torch::kFloat16);
  const auto all = retrieval::joined(kb, more);
  CHECK(all.embeddings.scalar_type() == torch::kFloat16);
  CHECK(torch::equal(all.embeddings.slice(0, 0, 2), all.embeddings.slice(0, 2, 4)));
}

}  // namespace
}  // namespace reaugkd::distill
