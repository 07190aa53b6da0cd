// A teacher's answers as JSON lines: in any order, and every way in which a line can be wrong.
#include "data/answer_file.h"

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "catch.h"
#include "data/answer_line.h"
#include "data/distribution.h"
#include "temporary_directory.h"

namespace reaugkd::data {
namespace {

Task three_classes() {
  Task task;
  task.name = "mine";
  task.labels = {"bad", "good", "mixed"};
  return task;
}

Task scores() {
  Task task;
  task.name = "similarity";
  return task;
}

const std::vector<AnsweredFile> kFiles = {{"train.tsv", 0xabcdef0123456789, 5},
                                          {"dev.tsv", 0x1, 2}};

std::filesystem::path write(const tests::TemporaryDirectory& directory, const std::string& text) {
  const auto path = directory.path() / "answers.jsonl";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

AnswerFile read(const std::string& text, const Task& task = three_classes()) {
  const tests::TemporaryDirectory directory;
  return read_answer_file(write(directory, text), task, kFiles);
}

TEST_CASE("answers come in any order, by row or id, and may lack a part", "[answers]") {
  const auto answers = read(
      "\xEF\xBB\xBF{\"row\": 3, \"embedding\": [1, -2.5], \"logits\": [0.5, 1, -1e3]}\r\n"
      "\n"
      "{\"logits\": {\"mixed\": 3, \"bad\": 1, \"good\": 2}, \"id\": \"0000000000000001:1\"}\n"
      "{\"row\": 0, \"embedding\": [3, 4e-2], \"logits\": null}\n"
      "{\"id\": \"abcdef0123456789:4\"}");
  REQUIRE(answers.ids.size() == 4);
  CHECK(answers.ids[0] == base::ExampleId{0xabcdef0123456789, 3});
  CHECK(answers.ids[1] == base::ExampleId{1, 1});
  CHECK(answers.ids[3] == base::ExampleId{0xabcdef0123456789, 4});
  CHECK(answers.width == 2);
  CHECK(answers.classes == 3);
  REQUIRE(answers.embeddings.size() == 8);
  CHECK(answers.embeddings[1] == -2.5F);
  CHECK(std::isnan(answers.embeddings[2]));
  CHECK(answers.embeddings[5] == 0.04F);
  CHECK(std::isnan(answers.embeddings[7]));
  REQUIRE(answers.logits.size() == 12);
  CHECK(answers.logits[2] == -1000);
  CHECK(answers.logits[3] == 1);  // by name, in the order of the task
  CHECK(answers.logits[5] == 3);
  CHECK(std::isnan(answers.logits[6]));
}

TEST_CASE("the first embedding may stand behind lines that have none", "[answers]") {
  const auto answers =
      read("{\"row\": 1, \"logits\": [1,2,3]}\n{\"row\": 2, \"embedding\": [7]}\n");
  REQUIRE(answers.embeddings.size() == 2);
  CHECK(std::isnan(answers.embeddings[0]));
  CHECK(answers.embeddings[1] == 7);
}

TEST_CASE("probabilities become logits, in whatever spelling", "[answers]") {
  const auto as_list = read("{\"row\": 0, \"probabilities\": [0.2, 0.5, 0.3]}");
  const auto by_name =
      read("{\"row\": 0, \"probabilities\": {\"mixed\": 0.3, \"bad\": 0.2, \"good\": 0.5}}");
  CHECK(as_list.logits == by_name.logits);
  CHECK(as_list.logits[1] == Approx(std::log(0.5)).epsilon(1e-6));
  // An absent class has the probability 0, whose logit is finite.
  const auto sure = read("{\"row\": 0, \"probabilities\": {\"good\": 1}}");
  CHECK(sure.logits == std::vector<float>{kLogitOfZero, 0, kLogitOfZero});
  const auto score = read("{\"row\": 0, \"logits\": [4.25]}", scores());
  CHECK(score.logits == std::vector<float>{4.25F});
}

TEST_CASE("softmax(l / T) of given probabilities is p^(1/T), made to sum to 1", "[answers]") {
  const std::vector<float> p = {0.7F, 0.25F, 0.05F, 0};
  auto logits = p;
  take_logits(logits);
  for (const double t : {0.5, 1.0, 2.0, 10.0}) {
    double sum_of_powers = 0, sum_of_exps = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      sum_of_powers += std::pow(p[i], 1 / t);
      sum_of_exps += std::exp(logits[i] / t);
    }
    for (std::size_t i = 0; i < p.size(); ++i) {
      INFO("T " << t << ", class " << i);
      CHECK(std::exp(logits[i] / t) / sum_of_exps ==
            Approx(std::pow(p[i], 1 / t) / sum_of_powers).margin(1e-7));
    }
  }
}

TEST_CASE("a sum that is nearly 1 is made 1", "[answers]") {
  std::vector<float> p = {0.5F, 0.5005F};
  CHECK(why_no_distribution(p).empty());
  take_logits(p);
  CHECK(std::exp(p[0]) + std::exp(p[1]) == Approx(1).epsilon(1e-6));
  CHECK_FALSE(why_no_distribution(std::vector<float>{0.5F, 0.502F}).empty());
  CHECK_FALSE(why_no_distribution(std::vector<float>{1.1F, -0.1F}).empty());
  CHECK_FALSE(why_no_distribution(std::vector<float>{1, std::nanf("")}).empty());
}

struct Wrong {
  const char* lines;
  const char* message;
};

TEST_CASE("what is wrong with a line is said with its number and its key", "[answers]") {
  const auto wrong = GENERATE(values<Wrong>({
      {"[1]", "answers.jsonl:1: expected a JSON object a line: found an array"},
      {"7", "answers.jsonl:1: expected a JSON object a line: found 7"},
      {"{\"row\": 0, \"logits\": [1, 2", "answers.jsonl:1: expected a JSON object a line"},
      {"{\"row\": 0, \"logits\": [1, NaN, 2]}", "answers.jsonl:1: expected a JSON object a line"},
      {"{\"row\": 0} {\"row\": 1}", "expected a JSON object a line"},
      {"{\"logits\": [1, 2, 3]}", "has neither \"row\" nor \"id\""},
      {"{\"row\": 1, \"id\": \"0000000000000001:1\"}", "has both \"row\" and \"id\""},
      {"{\"row\": 1.5}", "\"row\": found 1.5, expected the number of a data row"},
      {"{\"row\": -1}", "\"row\": found -1"},
      {"{\"row\": \"1\"}", "\"row\": found a text"},
      {"{\"row\": 18446744073709551615}", "\"row\": found 18446744073709551615"},
      {"{\"row\": [1]}", "\"row\": found a list"},
      {"{\"id\": 3}", "\"id\": found 3, expected an id as examples.tsv has it"},
      {"{\"id\": \"12:3\"}", "the id is \"12:3\", expected 16 hex digits"},
      {"{\"id\": \"0000000000000001:x\"}", "the id is"},
      {"{\"id\": \"00000000000000ff:1\"}", "a row of another file: train.tsv is abcdef0123456789"},
      {"{\"row\": 5}", "answers for row 5, train.tsv has the rows 0 to 4"},
      {"{\"id\": \"0000000000000001:2\"}", "answers for row 2, dev.tsv has the rows 0 to 1"},
      {"{\"row\": 1}\n{\"row\": 2}\n{\"row\": 1}", ":3: answers for row 1, as line 1 does already"},
      {"{\"row\": 1}\n{\"id\": \"abcdef0123456789:1\"}", ":2: answers for row"},
      {"{\"row\": 1, \"embeddings\": [1]}", "has the key \"embeddings\": did you mean embedding?"},
      {"{\"row\": 1, \"row\": 2}", "has the key \"row\" twice"},
      {"{\"row\": 1, \"embedding\": []}", "\"embedding\" is an empty list"},
      {"{\"row\": 1, \"embedding\": [1, null]}", "\"embedding\": found null"},
      {"{\"row\": 1, \"embedding\": [1, \"2\"]}", "\"embedding\": found a text"},
      {"{\"row\": 1, \"embedding\": [[1]]}", "\"embedding\": found a list"},
      {"{\"row\": 1, \"embedding\": {\"bad\": 1}}", "\"embedding\": found an object"},
      {"{\"row\": 1, \"embedding\": 1}", "\"embedding\": found 1"},
      {"{\"row\": 1, \"embedding\": [1e39]}", "\"embedding\": found 1e+39"},
      {"{\"row\": 1, \"embedding\": [1, 2]}\n{\"row\": 2, \"embedding\": [1]}",
       ":2: \"embedding\" has 1 numbers, those before it have 2"},
      {"{\"row\": 1, \"logits\": [1, 2]}",
       "\"logits\" has 2 numbers, the task mine has 3 classes (bad, good, mixed)"},
      {"{\"row\": 1, \"logits\": []}", "\"logits\" has 0 numbers"},
      {"{\"row\": 1, \"logits\": true}", "\"logits\": found true"},
      {"{\"row\": 1, \"logits\": {\"bad\": 1, \"good\": 2}}", "\"logits\" has no \"mixed\""},
      {"{\"row\": 1, \"logits\": {\"bad\": [1]}}", "\"logits\": found a list"},
      {"{\"row\": 1, \"probabilities\": {\"godo\": 1}}",
       "the class \"godo\", which the task does not know: did you mean good?"},
      {"{\"row\": 1, \"probabilities\": {\"good\": 1, \"good\": 0}}", "the class \"good\" twice"},
      {"{\"row\": 1, \"probabilities\": {\"good\": 0.5}}",
       "\"probabilities\": the probabilities sum to 0.5, expected 1"},
      {"{\"row\": 1, \"probabilities\": {}}", "\"probabilities\" has 0 numbers"},
      {"{\"row\": 1, \"probabilities\": [1.2, -0.2, 0]}",
       "\"probabilities\": a probability is -0.2"},
      {"{\"row\": 1, \"probabilities\": [1, 0]}", "\"probabilities\" has 2 numbers"},
      {"{\"row\": 1, \"probabilities\": [1, 0, 0], \"logits\": [1, 0, 0]}",
       "has both \"logits\" and \"probabilities\""},
      {"", "expected a line for each row, found none"},
  }));
  INFO(wrong.lines);
  CHECK_THROWS_WITH(read(wrong.lines), ContainsSubstring(wrong.message));
  CHECK_THROWS_AS(read(wrong.lines), base::DataError);
}

TEST_CASE("a task of scores takes one number, and no probabilities", "[answers]") {
  CHECK_THROWS_WITH(read("{\"row\": 1, \"logits\": [1, 2]}", scores()),
                    ContainsSubstring("the task similarity has scores: expected 1"));
  CHECK_THROWS_WITH(read("{\"row\": 1, \"probabilities\": [1]}", scores()),
                    ContainsSubstring("the task similarity has scores: give \"logits\": [x]"));
}

TEST_CASE("a file of answers that is not there", "[answers]") {
  CHECK_THROWS_AS(read_answer_file("/nowhere.jsonl", three_classes(), kFiles), base::IoError);
  const tests::TemporaryDirectory directory;
  CHECK_THROWS_AS(read_answer_file(directory.path(), three_classes(), kFiles), base::IoError);
}

}  // namespace
}  // namespace reaugkd::data
