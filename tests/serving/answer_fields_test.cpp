#include "serving/answer_fields.h"

#include "catch.h"

namespace reaugkd::serving {
namespace {

data::Task three_classes() {
  data::Task task;
  task.name = "three";
  task.labels = {"a", "b", "c"};
  return task;
}

Answers one_row(std::vector<float> p) {
  Answers answers;
  answers.combined = torch::tensor(p).view({1, -1});
  answers.student = answers.combined;
  answers.truncated = {1};
  return answers;
}

TEST_CASE("the prediction is the most probable class, and floats are spelled short") {
  const auto fields = answer_fields(three_classes(), {}, one_row({0.1F, 0.7F, 0.2F}), 0, nullptr);
  CHECK(fields.dump() == R"({"prediction":"b","probability":0.7,"truncated":true})");
}

TEST_CASE("the most probable classes come best first, the first of equal ones before the other") {
  AnswerDetail detail;
  detail.top = 5;
  const auto fields =
      answer_fields(three_classes(), detail, one_row({0.25F, 0.25F, 0.5F}), 0, nullptr);
  CHECK(
      fields["top"].dump() ==
      R"([{"label":"c","probability":0.5},{"label":"a","probability":0.25},{"label":"b","probability":0.25}])");
}

TEST_CASE("below the threshold the answer is unknown, with the probability it would have had") {
  AnswerDetail detail;
  detail.min_probability = 0.8;
  detail.unknown = "nobody knows";
  const auto answers = one_row({0.1F, 0.7F, 0.2F});
  CHECK(abstained(three_classes(), detail, answers, 0));
  const auto fields = answer_fields(three_classes(), detail, answers, 0, nullptr);
  CHECK(fields["prediction"] == "nobody knows");
  CHECK(fields["probability"] == 0.7);
  detail.min_probability = 0.5;
  CHECK_FALSE(abstained(three_classes(), detail, answers, 0));
}

TEST_CASE("a score has no probability, and no threshold") {
  data::Task scores;
  AnswerDetail detail;
  detail.min_probability = 1;
  detail.top = 2;
  const auto fields = answer_fields(scores, detail, one_row({2.5F}), 0, nullptr);
  CHECK(fields.dump() == R"({"prediction":2.5,"truncated":true})");
  CHECK(answer_names(scores, detail, false) == std::vector<std::string>{"prediction", "truncated"});
}

TEST_CASE("the names are those of the fields, in their order, with the prefix") {
  AnswerDetail detail{
      .top = 1, .details = true, .probabilities = true, .prefix = "x_", .errors = true};
  const auto fields = answer_fields(three_classes(), detail, one_row({0, 1, 0}), 0, nullptr);
  std::vector<std::string> names;
  for (const auto& [name, value] : fields.items()) names.push_back(name);
  CHECK(names == answer_names(three_classes(), detail, false));
  CHECK(names.front() == "x_prediction");
  const auto error = error_fields(three_classes(), detail, false, "why \xFF");
  names.clear();
  for (const auto& [name, value] : error.items()) names.push_back(name);
  CHECK(names == answer_names(three_classes(), detail, false));
  CHECK(error["x_error"] == "why \xEF\xBF\xBD");
  CHECK(error["x_prediction"].is_null());
}

}  // namespace
}  // namespace reaugkd::serving
