// What is said of classes, on a few rows by hand, and the files of it.
#include "evaluation/class_report.h"

#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "temporary_directory.h"
#include "tensor/safetensors.h"

namespace reaugkd::evaluation {
namespace {

const float kUnlabelled = std::numeric_limits<float>::quiet_NaN();

/// Classes "a", "b", ... .
data::Task task_of(std::int64_t classes) {
  data::Task task = data::glue_task("sst2");
  task.labels.clear();
  for (std::int64_t c = 0; c < classes; ++c)
    task.labels.emplace_back(1, static_cast<char>('a' + c));
  return task;
}

data::Dataset rows_with(const std::vector<float>& labels) {
  data::Dataset rows;
  rows.labels = labels;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    rows.text_a.push_back(fmt::format("text\t{}", i));
    rows.rows.push_back(static_cast<std::int64_t>(10 + i));
  }
  return rows;
}

// Rows 0 and 1 are a and taken for b, 1 more surely; row 2 is b; row 3 is c and taken for a.
const auto kProbabilities = torch::tensor({{0.4F, 0.5F, 0.1F},
                                           {0.1F, 0.8F, 0.1F},
                                           {0.2F, 0.7F, 0.1F},
                                           {0.6F, 0.1F, 0.3F},
                                           {1.F, 0.F, 0.F}});
const std::vector<float> kLabels = {0, 0, 1, 2, kUnlabelled};

TEST_CASE("averages over classes stand behind the task's metrics", "[evaluation]") {
  const auto scores = scores_with_averages(task_of(3), kProbabilities, kLabels);
  std::vector<std::string> names;
  for (const auto& [name, value] : scores) names.push_back(name);
  CHECK(names ==
        std::vector<std::string>{"accuracy", "macro_f1", "weighted_f1", "balanced_accuracy"});
  CHECK(scores.at("macro_f1") == Approx((0 + 0.5 + 0) / 3));
  CHECK(scores.at("weighted_f1") == Approx(0.5 / 4));
  CHECK(scores.at("balanced_accuracy") == Approx(1.0 / 3));
  data::Task named = task_of(3);
  named.metrics = {"macro_f1"};  // not said twice
  CHECK(scores_with_averages(named, kProbabilities, kLabels).begin()->first == "macro_f1");
  CHECK(base::Json::parse(to_json(scores_with_averages(named, kProbabilities, kLabels)).dump())
            .size() == 3);
  CHECK(scores_with_averages(task_of(3), kProbabilities.slice(0, 4), {kUnlabelled}).empty());
  const auto score = scores_with_averages(data::glue_task("stsb"), torch::rand({3, 1}), {1, 2, 3});
  CHECK_FALSE(score.find("macro_f1").has_value());
}

TEST_CASE("the largest confusions show their surest rows first", "[evaluation]") {
  const auto confusions = most_confused(task_of(3), rows_with(kLabels), kProbabilities);
  REQUIRE(confusions.size() == 2);
  CHECK(confusions[0].label == "a");
  CHECK(confusions[0].prediction == "b");
  CHECK(confusions[0].rows == 2);
  REQUIRE(confusions[0].examples.size() == 2);
  CHECK(confusions[0].examples[0].row == 11);
  CHECK(confusions[0].examples[0].text == "text 1");
  CHECK(confusions[0].examples[1].row == 10);
  CHECK(confusions[1].label == "c");
  CHECK(confusions[1].examples.size() == 1);
  const auto read = confusions_of_json(to_json(confusions), "metrics.json");
  CHECK(to_json(read) == to_json(confusions));
  CHECK_THROWS_AS(confusions_of_json({{{"label", "a"}}}, "metrics.json"), base::ArtifactError);
  CHECK(most_confused(data::glue_task("stsb"), rows_with({1}), torch::rand({1, 1})).empty());
}

TEST_CASE("classes.tsv and confusion.tsv name every class", "[evaluation]") {
  const tests::TemporaryDirectory directory;
  RowPredictions predictions{kProbabilities, {}, {}};
  const auto rows = rows_with(kLabels);
  const auto path = directory.path() / "classes.tsv";
  write_classes(path, task_of(3), rows, predictions);
  CHECK(base::read_file(path) ==
        "label\tsupport\tpredicted\tprecision\trecall\tf1\n"
        "a\t2\t1\t0\t0\t0\n"
        "b\t1\t3\t0.333333\t1\t0.5\n"
        "c\t1\t0\t0\t0\t0\n");
  predictions.student = predictions.final;
  predictions.knowledge_base = torch::eye(3).index_select(0, torch::tensor({0, 0, 1, 2, 0}));
  write_classes(path, task_of(3), rows, predictions);
  CHECK_THAT(base::read_file(path), ContainsSubstring("\nb\t1\t3\t0.333333\t1\t0.5\t0.5\t1\n"));
  write_confusion(path, task_of(3), rows, predictions.final);
  CHECK(base::read_file(path) == "label\ta\tb\tc\na\t0\t2\t0\nb\t0\t1\t0\nc\t1\t0\t0\n");
}

TEST_CASE("predictions of up to ten classes have a column for each", "[evaluation]") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "predictions.tsv";
  RowPredictions predictions{torch::tensor({{0.25F, 0.75F}}), {}, {}};
  write_predictions(path, task_of(2), rows_with({0}), predictions);
  CHECK(base::read_file(path) ==
        "index\tlabel\tprediction\tp_a\tp_b\tprobability\n10\ta\tb\t0.25\t0.75\t0.75\n");
  predictions.student = torch::tensor({{0.5F, 0.5F}});
  predictions.knowledge_base = torch::tensor({{0.F, 1.F}});
  write_predictions(path, task_of(2), rows_with({0}), predictions);
  CHECK(base::read_file(path) ==
        "index\tlabel\tprediction\tp_a\tp_b\tstudent_p_a\tstudent_p_b\tkb_p_a\tkb_p_b\tprobability"
        "\tstudent_prediction\tstudent_probability\tkb_prediction\tkb_probability\n"
        "10\ta\tb\t0.25\t0.75\t0.5\t0.5\t0\t1\t0.75\ta\t0.5\tb\t1\n");
}

TEST_CASE("predictions of more classes have the likeliest alone, and a file of all",
          "[evaluation]") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "predictions.tsv";
  const auto rows = rows_with({2, kUnlabelled});
  const auto final = torch::eye(11).slice(0, 2, 4);
  const RowPredictions predictions{final, torch::eye(11).slice(0, 0, 2), final};
  write_predictions(path, task_of(11), rows, predictions);
  CHECK(base::read_file(path) ==
        "index\tlabel\tprediction\tprobability\tstudent_prediction\tstudent_probability"
        "\tkb_prediction\tkb_probability\n10\tc\tc\t1\ta\t1\tc\t1\n11\t\td\t1\tb\t1\td\t1\n");
  const auto file = directory.path() / "probabilities.safetensors";
  write_probabilities(file, task_of(11), predictions);
  const auto tensors = tensor::load_safetensors(file);
  CHECK(torch::equal(tensors.at("final"), final));
  CHECK(torch::equal(tensors.at("student"), predictions.student));
  CHECK(tensors.contains("knowledge_base"));
  CHECK(base::Json::parse(tensor::load_metadata(file).at("labels")).at(10) == "k");
  write_probabilities(file, task_of(11), {final, {}, {}});
  CHECK(tensor::load_safetensors(file).size() == 1);
}

TEST_CASE("predictions of scores have no class", "[evaluation]") {
  const tests::TemporaryDirectory directory;
  const auto path = directory.path() / "predictions.tsv";
  write_predictions(path, data::glue_task("stsb"), rows_with({2.5F}),
                    {torch::tensor({{3.F}}), {}, {}});
  CHECK(base::read_file(path) == "index\tlabel\tprediction\tscore\n10\t2.5\t3\t3\n");
}

}  // namespace
}  // namespace reaugkd::evaluation
