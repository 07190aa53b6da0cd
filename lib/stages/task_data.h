// The task, its files and the split, as every stage needs them: from flags where a chain begins,
// from the directories of earlier stages after that.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/options.h"
#include "data/dataset.h"
#include "data/split.h"
#include "data/task.h"

namespace reaugkd::stages {

/// Options about the task and its data. An empty one is inherited from an earlier stage's
/// directory; where there is none, the default in its help holds.
struct DataOptions {
  std::string task;
  std::string data;
  std::string train_file, dev_file, test_file;
  std::optional<std::int64_t> max_train_examples;
  std::string validation;
  std::optional<std::int64_t> split_seed;
  std::vector<std::string> label_order;
  std::optional<std::int64_t> max_seq_length;
  bool skip_bad_rows = false;

  data::BadRows bad_rows() const {
    return skip_bad_rows ? data::BadRows::kSkip : data::BadRows::kRefuse;
  }
  void add_fields(core::OptionList& list);
};

/// What travels from stage to stage: written into config.json and kb.json as "reaugkd".
struct TaskSettings {
  data::Task task;
  std::int64_t max_seq_length = 128;

  core::Json to_json() const;
  static TaskSettings from_json(const core::Json& json, const std::string& where);
};

/// The settings of a directory that stages have written, and its split where it has one.
struct Inherited {
  std::string directory;
  std::optional<TaskSettings> settings;
  std::optional<data::TrainSplit> split;
  std::vector<std::string> id2label;  // a model's classes, where its config.json names them
};

/// Reads config.json's (or kb.json's) settings and split.json of a model or knowledge base
/// directory; both stay empty for a model from elsewhere.
Inherited inherit(const std::filesystem::path& directory);

/// Flags over what is inherited; of a model from elsewhere the class order, where its id2label
/// names the task's labels in whatever case. Throws ConfigError where a flag contradicts what is
/// inherited, the split's too, or where there is no task at all.
TaskSettings resolve_settings(const DataOptions& options, const Inherited& inherited);

/// `labels` in the order of `names`, which spells each of them once, in whatever case; else
/// nothing.
std::optional<std::vector<std::string>> in_order_of(const std::vector<std::string>& names,
                                                    const std::vector<std::string>& labels);

/// Whether these are Hugging Face's names for classes without one.
bool nameless(const std::vector<std::string>& names);

/// Throws ArtifactError where the model that `model` describes has the classes of `settings` in
/// another order, unless --label-order says what they are: its outputs would be read as of other
/// classes.
void check_class_order(const DataOptions& options, const Inherited& model,
                       const TaskSettings& settings);

/// Throws ArtifactError where `other` was made for another task, class order or maximum length than
/// `settings`, those of `directory`. A model from elsewhere says nothing of them.
void check_same_task(const Inherited& other, const TaskSettings& settings,
                     const std::string& directory);

/// Reads one file of the task: --data/train.tsv or what --train-file names, and so on.
data::Dataset read_split_file(const DataOptions& options, const TaskSettings& settings,
                              data::Split split);

/// The rows with a label; how many have none is logged. Throws DataError where none has one.
data::Dataset labelled_part(const data::Dataset& rows);

class StageRun;

struct TaskData {
  TaskSettings settings;
  data::TrainSplit split;
  data::Dataset train;       // the rows that are trained on
  data::Dataset validation;  // the holdout, or dev
};

/// Reads train (and dev under --validation dev), which become inputs of `run`, and makes or
/// inherits the split. Throws as the readers do, ConfigError where flags contradict the inherited
/// split, DataError where the validation part has rows without labels.
TaskData read_task_data(const DataOptions& options, const TaskSettings& settings,
                        const Inherited& inherited, StageRun& run);

}  // namespace reaugkd::stages
