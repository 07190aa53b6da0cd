#include "data/task.h"

#include "base/error.h"
#include "catch.h"

using namespace reaugkd;
using Names = std::vector<std::string>;

TEST_CASE("every GLUE task is complete", "[task]") {
  for (const char* name : {"cola", "sst2", "mrpc", "qqp", "stsb", "mnli", "qnli", "rte", "wnli"}) {
    INFO(name);
    const data::Task task = data::glue_task(name);
    CHECK(task.name == name);
    CHECK_FALSE(task.metrics.empty());
    CHECK_FALSE(task.submission_file.empty());
    CHECK(task.submission_labels.size() == task.labels.size());
    CHECK(task.train.label >= 0);
    CHECK(task.dev.label >= 0);
    CHECK(task.test.label == -1);
    CHECK(task.pair() == (task.test.text_b >= 0));
    CHECK(task.phrase_groups == (task.name == "sst2"));
    CHECK(task.num_labels() == (task.regression() ? 1 : std::ssize(task.labels)));
  }
}

TEST_CASE("classes stand in the order of the Hugging Face GLUE data sets", "[task]") {
  CHECK(data::glue_task("rte").labels == Names{"entailment", "not_entailment"});
  CHECK(data::glue_task("mnli").labels == Names{"entailment", "neutral", "contradiction"});
  CHECK(data::glue_task("cola").labels == Names{"0", "1"});
  CHECK(data::glue_task("stsb").regression());
  CHECK(data::glue_task("mrpc").metrics == Names{"f1", "accuracy"});
  CHECK(data::glue_task("stsb").metrics == Names{"pearson", "spearmanr"});
}

TEST_CASE("layout picks the split's own columns", "[task]") {
  const data::Task mnli = data::glue_task("mnli");
  CHECK(mnli.test_file == "test_matched.tsv");
  CHECK(mnli.test_mismatched_file == "test_mismatched.tsv");
  CHECK(mnli.layout(data::Split::kTrain).label == 11);
  CHECK(mnli.layout(data::Split::kDev).label == 15);
  CHECK(mnli.layout(data::Split::kTest).text_b == 9);
  CHECK_FALSE(data::glue_task("cola").layout(data::Split::kDev).header);
  CHECK(data::glue_task("cola").layout(data::Split::kTest).header);
  CHECK(data::to_string(data::Split::kTest) == "test");
}

TEST_CASE("an unknown task lists the known ones", "[task]") {
  CHECK_THROWS_AS(data::glue_task("sst-2"), base::ConfigError);
  CHECK_THROWS_WITH(data::glue_task("sst-2"), ContainsSubstring("did you mean sst2?") &&
                                                  ContainsSubstring("cola, sst2, mrpc, qqp, stsb"));
}

TEST_CASE("F1 stays that of the label which is published second", "[task]") {
  const data::Task task = data::glue_task("mrpc");
  CHECK(data::with_label_order(task, {"0", "1"}).positive == 1);
  const data::Task moved = data::with_label_order(task, {"1", "0"});
  CHECK(moved.positive == 0);
  CHECK(data::with_label_order(moved, {"0", "1"}).positive == 1);
}

TEST_CASE("a label order moves the submission's names with it", "[task]") {
  data::Task task = data::glue_task("mnli");
  task.submission_labels = {"E", "N", "C"};
  const Names order{"contradiction", "entailment", "neutral"};
  const data::Task moved = data::with_label_order(task, order);
  CHECK(moved.labels == order);
  CHECK(moved.submission_labels == Names{"C", "E", "N"});
}

TEST_CASE("a label order must hold each label once", "[task]") {
  const data::Task task = data::glue_task("rte");
  for (const Names& order : {Names{"entailment"}, Names{"entailment", "entailment"},
                             Names{"entailment", "neutral"}, Names{}}) {
    CHECK_THROWS_AS(data::with_label_order(task, order), base::ConfigError);
  }
  CHECK_THROWS_AS(data::with_label_order(data::glue_task("stsb"), {"0"}), base::ConfigError);
  CHECK_THROWS_WITH(data::with_label_order(task, {"entailment", "not-entailment"}),
                    ContainsSubstring("\"not-entailment\" is none of them: did you mean "
                                      "not_entailment?"));
  CHECK_THROWS_WITH(data::with_label_order(task, {"entailment", "entailment"}),
                    ContainsSubstring("\"entailment\" comes twice"));
}
