// A classification or regression task: where its texts and labels stand in its files, what its
// classes are called, and how it is scored. The nine GLUE tasks are built in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/task_kind.h"

namespace reaugkd::data {

enum class FileFormat { kTsv, kCsv, kJsonl };

enum class Split { kTrain, kDev, kTest };

/// "train", "dev", "test".
std::string_view to_string(Split split);

/// Layout of one file of a task; columns count from 0, -1 means there is none. A column that has a
/// name is looked up in the header (custom tasks).
struct FileLayout {
  bool header = true;
  int text_a = 0;
  int text_b = -1;
  int label = -1;
  std::string text_a_name = {}, text_b_name = {}, label_name = {};
  bool label_may_be_absent = false;                  // the label's column: a test file's
  std::vector<std::string> distribution_names = {};  // columns of given distributions; none: empty
};

struct Task {
  std::string name;                  // "sst2"
  std::vector<std::string> labels;   // class c is spelled labels[c] in the files; empty: regression
  std::vector<std::string> metrics;  // Hugging Face's names; the first one selects epochs
  std::int64_t positive = 1;         // the class whose F1 is meant: the second label as published
  FileFormat format = FileFormat::kTsv;
  FileLayout train, dev, test;
  std::string train_file = "train.tsv";
  std::string dev_file = "dev.tsv";    // MNLI: dev_matched.tsv
  std::string test_file = "test.tsv";  // MNLI: test_matched.tsv
  std::string dev_mismatched_file;     // MNLI only, as test_mismatched_file
  std::string test_mismatched_file;
  std::string submission_file;                 // "SST-2.tsv": GLUE's name for predictions on test
  std::string submission_mismatched_file;      // MNLI only: "MNLI-mm.tsv"
  std::vector<std::string> submission_labels;  // how GLUE's server spells class c
  base::Json description;                      // of a custom task, as its file has it; null: GLUE's
  bool phrase_groups = false;  // train rows are phrases of one another (SST-2): see split.h

  base::TaskKind kind() const {
    return labels.empty() ? base::TaskKind::kRegression : base::TaskKind::kClassification;
  }
  bool regression() const { return kind() == base::TaskKind::kRegression; }
  bool pair() const { return train.text_b >= 0 || !train.text_b_name.empty(); }
  /// Outputs of the head: classes, or 1 for regression.
  std::int64_t num_labels() const {
    return regression() ? 1 : static_cast<std::int64_t>(labels.size());
  }
  const FileLayout& layout(Split split) const;
  /// Columns of a distribution over the classes, as predictions.tsv spells them: "p_<label>" of
  /// each class, or "score".
  std::vector<std::string> distribution_names() const;
};

std::vector<std::string> names_of_glue_tasks();

/// "cola, sst2, mrpc, qqp, stsb, mnli, qnli, rte, wnli"
std::string glue_task_names();

/// A GLUE task by name. Throws ConfigError that lists them.
Task glue_task(const std::string& name);

/// The task with these classes behind its own, of a knowledge base that knows more than the model.
Task with_new_classes(Task task, const std::vector<std::string>& new_classes);

/// The format that a file's name ends in: .tsv, .csv, .jsonl. Throws ConfigError on another.
FileFormat format_of_name(const std::filesystem::path& path);

/// The same classes in another order (a checkpoint's own, or --label-order). Throws ConfigError
/// unless `order` is a permutation of the task's labels.
Task with_label_order(Task task, const std::vector<std::string>& order);

}  // namespace reaugkd::data
