#include "retrieval/answers.h"

#include <limits>

#include "base/error.h"
#include "catch.h"
#include "retrieval/sample_kb.h"

namespace reaugkd::retrieval {
namespace {

constexpr auto kClasses = base::TaskKind::kClassification;

torch::Tensor row(const KnowledgeBase& kb, const AnswerRule& rule, std::int64_t i) {
  return answers_of(kb, rule, kClasses)[i];
}

TEST_CASE("where only a teacher has answered, its predictions are the answers bit by bit") {
  const auto kb = tests::sample_kb();
  for (const auto source : {AnswerSource::kAuto, AnswerSource::kTeacher}) {
    CHECK(torch::equal(answers_of(kb, {1, source}, kClasses), kb.soft_labels));
    CHECK(torch::equal(answers_of(kb, {2, source}, kClasses), torch::softmax(kb.logits / 2, 1)));
  }
}

TEST_CASE("labels answer, teachers answer, or a share of each") {
  auto kb = tests::sample_kb();
  kb.labels[4] = std::numeric_limits<float>::quiet_NaN();
  kb.label_answers[5] = true;  // its label is 2
  const auto gold = torch::tensor({0.0F, 0.0F, 1.0F});
  CHECK(torch::equal(row(kb, {}, 2), kb.soft_labels[2]));
  CHECK(torch::equal(row(kb, {}, 5), gold));
  CHECK(torch::equal(row(kb, {1, AnswerSource::kTeacher}, 5), kb.soft_labels[5]));
  CHECK(torch::equal(row(kb, {1, AnswerSource::kLabels}, 2), gold));
  CHECK(torch::equal(row(kb, {1, AnswerSource::kLabels}, 4), kb.soft_labels[4]));
  CHECK(torch::allclose(row(kb, {1, AnswerSource::kMix, 0.25}, 2),
                        0.25 * gold + 0.75 * kb.soft_labels[2]));
  CHECK(torch::allclose(row(kb, {1, AnswerSource::kMix, 0.25}, 4), kb.soft_labels[4]));
}

TEST_CASE("a new class has a column, and its rows answer with it in every mode") {
  const auto kb = tests::sample_kb_with_new_class();
  for (const auto source :
       {AnswerSource::kAuto, AnswerSource::kTeacher, AnswerSource::kLabels, AnswerSource::kMix}) {
    const auto answers = answers_of(kb, {1, source, 0.5}, kClasses);
    REQUIRE(answers.sizes() == torch::IntArrayRef({14, 4}));
    CHECK(torch::equal(answers[13], torch::tensor({0.0F, 0.0F, 0.0F, 1.0F})));
    CHECK(torch::allclose(answers.sum(1), torch::ones({14})));
    CHECK(answers.slice(0, 0, 12).select(1, 3).abs().max().item<float>() == 0);
  }
}

TEST_CASE("a score is mixed like a distribution") {
  auto kb = tests::sample_kb();
  kb.logits = kb.logits.slice(1, 0, 1).contiguous();
  kb.soft_labels = kb.logits;
  kb.labels = torch::full({12}, 4.5F);
  const auto mixed = answers_of(kb, {1, AnswerSource::kMix, 0.5}, base::TaskKind::kRegression);
  CHECK(torch::allclose(mixed, 0.5 * kb.logits + 2.25));
  CHECK_THROWS_AS(answers_of(kb, {2}, base::TaskKind::kRegression), base::InternalError);
}

TEST_CASE("classes that who answered cannot name have probability zero") {
  const auto p = torch::tensor({{0.25F, 0.75F}});
  CHECK(torch::equal(widened(p, 2), p));
  CHECK(torch::equal(widened(p, 4), torch::tensor({{0.25F, 0.75F, 0.0F, 0.0F}})));
  CHECK_THROWS_AS(widened(p, 1), base::InternalError);
}

TEST_CASE("sources are spelled as they are read") {
  for (const char* name : {"auto", "teacher", "labels", "mix"}) {
    CHECK(to_string(parse_answer_source(name)) == name);
  }
  CHECK_THROWS_AS(parse_answer_source("gold"), base::ConfigError);
}

}  // namespace
}  // namespace reaugkd::retrieval
