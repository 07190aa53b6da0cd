// A quiz is divided from the training rows as the holdout is.
#include "stages/distill_data.h"

#include <set>

#include "base/error.h"
#include "catch.h"

namespace reaugkd::stages {
namespace {

/// `n` rows of CoLA in pairs of one text, in other case and spacing.
data::TaskData paired_rows(std::int64_t n) {
  data::TaskData data;
  data.settings.task = data::glue_task("cola");
  for (std::int64_t i = 0; i < n; ++i) {
    const std::string number = std::to_string(i / 2);
    data.train.text_a.push_back(i % 2 == 0 ? "text " + number : "Text  " + number);
    data.train.labels.push_back(static_cast<float>(i % 3 == 0));
    data.train.rows.push_back(i);
  }
  return data;
}

TEST_CASE("no text stands in the quiz and among the rows that are trained on", "[quiz]") {
  auto data = paired_rows(400);
  const auto quiz = take_quiz(data, 0.1, "metadistil", 3);
  CHECK(quiz.size() + data.train.size() == 400);
  CHECK(quiz.size() > 20);
  CHECK(quiz.size() < 80);
  std::set<std::string> asked;
  for (const auto& text : quiz.text_a) asked.insert(data::normalised_text(text));
  for (const auto& text : data.train.text_a)
    CHECK_FALSE(asked.contains(data::normalised_text(text)));
}

TEST_CASE("of few rows two are asked in the quiz, whatever the share", "[quiz]") {
  for (const std::int64_t n : {4, 10}) {
    auto data = paired_rows(n);
    data.train.text_a.clear();
    for (std::int64_t i = 0; i < n; ++i) data.train.text_a.push_back("text " + std::to_string(i));
    CHECK(take_quiz(data, 0.01, "metadistil", 3).size() == 2);
    CHECK(data.train.size() == n - 2);
  }
}

TEST_CASE("a quiz depends on its seed alone; without a share there is none", "[quiz]") {
  auto a = paired_rows(60), b = paired_rows(60), c = paired_rows(60);
  CHECK(take_quiz(a, 0.2, "m", 1).rows == take_quiz(b, 0.2, "m", 1).rows);
  CHECK(take_quiz(c, 0, "m", 1).size() == 0);
  CHECK(c.train.size() == 60);
  auto few = paired_rows(2);
  CHECK_THROWS_AS(take_quiz(few, 0.5, "m", 1), base::DataError);
}

}  // namespace
}  // namespace reaugkd::stages
