// Whose keys find the label of rows that the student was not trained on.
#include "evaluation/key_comparison.h"

#include "catch.h"

using namespace reaugkd;

namespace {

/// Rows 0 to 19 of class 0, 20 to 39 of class 1, each with its own direction near its class's axis.
retrieval::KnowledgeBase two_classes_of_twenty() {
  retrieval::KnowledgeBase kb;
  kb.labels = torch::arange(40).floor_divide(20).to(torch::kFloat32);
  kb.logits = torch::zeros({40, 2});
  kb.soft_labels = torch::one_hot(kb.labels.to(torch::kInt64), 2).to(torch::kFloat32);
  kb.label_answers = torch::zeros({40}, torch::kBool);
  const auto angle = kb.labels * (M_PI / 2) + torch::arange(40) * 1e-3;
  kb.embeddings = torch::stack({torch::cos(angle), torch::sin(angle)}, 1);
  return kb;
}

/// Rows 3, 10 and 30 ask, each without itself.
evaluation::KeyQueries three_rows(const torch::Tensor& keys) {
  const std::vector<std::int64_t> rows = {3, 10, 30};
  return {keys.index_select(0, torch::tensor(rows)), {0, 0, 1}, rows};
}

}  // namespace

TEST_CASE("the better keys are those that find more labels") {
  const auto kb = two_classes_of_twenty();
  const auto mirrored = kb.embeddings.flip(1);  // of the student: its queries lie among them
  const auto comparison = evaluation::compare_keys(kb, mirrored, three_rows(mirrored));
  CHECK(comparison.examples == 3);
  CHECK(comparison.student_keys == 1.0);
  CHECK(comparison.teacher_keys == 0.0);
  CHECK_FALSE(comparison.teacher_is_better());
  CHECK(to_json(comparison)["kept"] == "student");

  auto other = evaluation::compare_keys(kb, mirrored, three_rows(kb.embeddings));
  CHECK(other.teacher_is_better());
  CHECK(key_line(other).find("the teacher's are better here") != std::string::npos);
  other.teacher_kept = true;
  CHECK(key_line(other).find("the teacher's stay") != std::string::npos);
  CHECK(to_json(other)["kept"] == "teacher");
}
