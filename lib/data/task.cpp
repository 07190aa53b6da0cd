#include "data/task.h"

#include <algorithm>
#include <cstddef>

#include "base/error.h"
#include "base/names.h"

namespace reaugkd::data {
namespace {

Task binary_task(const std::string& name, const std::vector<std::string>& metrics) {
  Task task;
  task.name = name;
  task.labels = {"0", "1"};
  task.metrics = metrics;
  return task;
}

Task entailment_task(const std::string& name) {
  Task task;
  task.name = name;
  task.labels = {"entailment", "not_entailment"};
  task.metrics = {"accuracy"};
  return task;
}

// index, text 1, text 2, label; the test file lacks the last one.
void set_plain_pair_layout(Task& task) {
  task.train = task.dev = {.header = true, .text_a = 1, .text_b = 2, .label = 3};
  task.test = {.header = true, .text_a = 1, .text_b = 2, .label = -1};
}

Task cola() {
  Task task = binary_task("cola", {"matthews_correlation"});
  task.train = task.dev = {.header = false, .text_a = 3, .text_b = -1, .label = 1};
  task.test = {.header = true, .text_a = 1, .text_b = -1, .label = -1};
  task.submission_file = "CoLA.tsv";
  return task;
}

Task sst2() {
  Task task = binary_task("sst2", {"accuracy"});
  task.train = task.dev = {.header = true, .text_a = 0, .text_b = -1, .label = 1};
  task.test = {.header = true, .text_a = 1, .text_b = -1, .label = -1};
  task.submission_file = "SST-2.tsv";
  task.phrase_groups = true;
  return task;
}

Task mrpc() {
  Task task = binary_task("mrpc", {"f1", "accuracy"});
  task.train = task.dev = {.header = true, .text_a = 3, .text_b = 4, .label = 0};
  task.test = {.header = true, .text_a = 3, .text_b = 4, .label = -1};
  task.submission_file = "MRPC.tsv";
  return task;
}

Task qqp() {
  Task task = binary_task("qqp", {"f1", "accuracy"});
  task.train = task.dev = {.header = true, .text_a = 3, .text_b = 4, .label = 5};
  task.test = {.header = true, .text_a = 1, .text_b = 2, .label = -1};
  task.submission_file = "QQP.tsv";
  return task;
}

Task stsb() {
  Task task;
  task.name = "stsb";
  task.metrics = {"pearson", "spearmanr"};
  task.train = task.dev = {.header = true, .text_a = 7, .text_b = 8, .label = 9};
  task.test = {.header = true, .text_a = 7, .text_b = 8, .label = -1};
  task.submission_file = "STS-B.tsv";
  return task;
}

Task mnli() {
  Task task;
  task.name = "mnli";
  task.labels = {"entailment", "neutral", "contradiction"};
  task.metrics = {"accuracy"};
  // Train has one annotator's label before gold_label, dev has five.
  task.train = {.header = true, .text_a = 8, .text_b = 9, .label = 11};
  task.dev = {.header = true, .text_a = 8, .text_b = 9, .label = 15};
  task.test = {.header = true, .text_a = 8, .text_b = 9, .label = -1};
  task.dev_file = "dev_matched.tsv";
  task.test_file = "test_matched.tsv";
  task.dev_mismatched_file = "dev_mismatched.tsv";
  task.test_mismatched_file = "test_mismatched.tsv";
  task.submission_file = "MNLI-m.tsv";
  task.submission_mismatched_file = "MNLI-mm.tsv";
  return task;
}

Task qnli() {
  Task task = entailment_task("qnli");
  set_plain_pair_layout(task);
  task.submission_file = "QNLI.tsv";
  return task;
}

Task rte() {
  Task task = entailment_task("rte");
  set_plain_pair_layout(task);
  task.submission_file = "RTE.tsv";
  return task;
}

Task wnli() {
  Task task = binary_task("wnli", {"accuracy"});
  set_plain_pair_layout(task);
  task.submission_file = "WNLI.tsv";
  return task;
}

std::vector<Task> glue_tasks() {
  return {cola(), sst2(), mrpc(), qqp(), stsb(), mnli(), qnli(), rte(), wnli()};
}

}  // namespace

std::string_view to_string(Split split) {
  switch (split) {
    case Split::kTrain:
      return "train";
    case Split::kDev:
      return "dev";
    case Split::kTest:
      return "test";
  }
  throw base::InternalError("unknown Split {}", static_cast<int>(split));
}

std::vector<std::string> Task::distribution_names() const {
  if (regression()) return {"score"};
  std::vector<std::string> names;
  for (const auto& label : labels) names.push_back("p_" + label);
  return names;
}

const FileLayout& Task::layout(Split split) const {
  switch (split) {
    case Split::kTrain:
      return train;
    case Split::kDev:
      return dev;
    case Split::kTest:
      return test;
  }
  throw base::InternalError("unknown Split {}", static_cast<int>(split));
}

std::vector<std::string> names_of_glue_tasks() {
  std::vector<std::string> names;
  for (const Task& task : glue_tasks()) names.push_back(task.name);
  return names;
}

std::string glue_task_names() {
  return fmt::format("{}", fmt::join(names_of_glue_tasks(), ", "));
}

Task glue_task(const std::string& name) {
  for (Task& task : glue_tasks()) {
    if (task.name != name) continue;
    task.submission_labels = task.labels;  // GLUE's server spells them as its files do
    return task;
  }
  throw base::ConfigError(
      "unknown task \"{}\"{} Expected one of {}, or a FILE.json that describes another; without a "
      "task, `text_column` and `label_column` describe your files",
      name, base::did_you_mean(name, names_of_glue_tasks()), glue_task_names());
}

Task with_new_classes(Task task, const std::vector<std::string>& new_classes) {
  const bool submitted = !task.submission_labels.empty();
  for (const auto& name : new_classes) {
    task.labels.push_back(name);
    if (submitted) task.submission_labels.push_back(name);
  }
  return task;
}

FileFormat format_of_name(const std::filesystem::path& path) {
  const std::string suffix = path.extension().string();
  if (suffix == ".tsv") return FileFormat::kTsv;
  if (suffix == ".csv") return FileFormat::kCsv;
  if (suffix == ".jsonl") return FileFormat::kJsonl;
  throw base::ConfigError("{}: expected a name that ends in .tsv, .csv or .jsonl", path.string());
}

namespace {

/// ": \"x\" is none of them, ..." of the first of `order` that is not a label or comes twice.
std::string name_that_does_not_fit(const std::vector<std::string>& order,
                                   const std::vector<std::string>& labels) {
  for (const auto& name : order) {
    if (std::find(labels.begin(), labels.end(), name) == labels.end()) {
      return fmt::format("; \"{}\" is none of them{}", base::shortened(name),
                         base::did_you_mean(name, labels));
    }
    if (std::count(order.begin(), order.end(), name) > 1) {
      return fmt::format("; \"{}\" comes twice", base::shortened(name));
    }
  }
  return "";
}

}  // namespace

Task with_label_order(Task task, const std::vector<std::string>& order) {
  if (!std::is_permutation(order.begin(), order.end(), task.labels.begin(), task.labels.end())) {
    throw base::ConfigError(
        "label order \"{}\" does not fit task {}: expected each of its labels once, \"{}\"{}",
        base::few_names(order), task.name, base::few_names(task.labels),
        name_that_does_not_fit(order, task.labels));
  }
  std::vector<std::string> submission_labels;
  for (const std::string& label : order) {
    const auto place = std::find(task.labels.begin(), task.labels.end(), label);
    const auto old_class = static_cast<std::size_t>(place - task.labels.begin());
    if (old_class < task.submission_labels.size()) {
      submission_labels.push_back(task.submission_labels[old_class]);
    }
  }
  if (task.labels.size() == 2) {
    const auto& positive = task.labels[static_cast<std::size_t>(task.positive)];
    task.positive = order.front() == positive ? 0 : 1;
  }
  task.labels = order;
  task.submission_labels = std::move(submission_labels);
  return task;
}

}  // namespace reaugkd::data
