// The task, its files and the split, as every stage needs them: from flags where a chain begins,
// from the directories of earlier stages after that.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/options.h"
#include "data/columns.h"
#include "data/dataset.h"
#include "data/split.h"
#include "data/task.h"
#include "data/task_settings.h"
#include "run/run_directory.h"

namespace reaugkd::stages {

/// Options about the task and its data. An empty one is inherited from an earlier stage's
/// directory; where there is none, the default in its help holds.
struct DataOptions {
  std::string task;
  std::string data;
  std::string train_file, dev_file, test_file;
  std::string text_column, text_pair_column, label_column;
  std::string label_kind = "auto";
  std::optional<std::int64_t> max_train_examples;
  std::string validation;
  std::optional<std::int64_t> split_seed;
  std::vector<std::string> label_order;
  std::optional<std::int64_t> max_seq_length;
  bool skip_bad_rows = false;

  data::BadRows bad_rows() const {
    return skip_bad_rows ? data::BadRows::kSkip : data::BadRows::kRefuse;
  }
  data::Columns columns() const { return {text_column, text_pair_column, label_column}; }
  void add_fields(base::OptionList& list);
};

/// The settings of a directory that stages have written, and its split where it has one.
struct Inherited {
  std::string directory;
  std::optional<data::TaskSettings> settings;
  std::optional<data::TrainSplit> split;
  std::vector<std::string> id2label;  // a model's classes, where its config.json names them
  /// Where a sentence-transformers folder from elsewhere cuts a text.
  std::optional<std::int64_t> folder_length;
};

/// Reads config.json's (or kb.json's) settings and split.json of a model or knowledge base
/// directory; both stay empty for a model from elsewhere. Throws ArtifactError where it is neither.
Inherited inherit(const std::filesystem::path& directory);

/// Flags over what is inherited; of a model from elsewhere the class order, where its id2label
/// names the task's labels in whatever case. Where there is no task at all, it is made of the
/// columns that options name and of the labels in the training file. Throws ConfigError where a
/// flag contradicts what is inherited, the split's too, or where nothing says what the task is.
data::TaskSettings resolve_settings(const DataOptions& options, const Inherited& inherited);

/// Throws ArtifactError where the model that `model` describes has the classes of `settings` in
/// another order, unless --label-order says what they are: its outputs would be read as of other
/// classes.
void check_class_order(const DataOptions& options, const Inherited& model,
                       const data::TaskSettings& settings);

/// Throws ArtifactError where `other` was made for another task, class order or maximum length than
/// `settings`, those of `directory`. A model from elsewhere says nothing of them. How files were
/// laid out may differ.
void check_same_task(const Inherited& other, const data::TaskSettings& settings,
                     const std::string& directory);

/// Reads one file of the task: of --data, or what --train-file names, and so on (data_files.h).
data::Dataset read_split_file(const DataOptions& options, const data::TaskSettings& settings,
                              data::Split split);

/// The rows with a label; how many have none is logged. Throws DataError where none has one.
data::Dataset labelled_part(const data::Dataset& rows);

/// Reads train (and dev under --validation dev), which become inputs of `run`, and makes or
/// inherits the split. Throws as the readers do, ConfigError where flags contradict the inherited
/// split, DataError where the validation part has rows without labels.
data::TaskData read_task_data(const DataOptions& options, const data::TaskSettings& settings,
                              const Inherited& inherited, run::RunDirectory& run);

}  // namespace reaugkd::stages
