#include "stages/task_inputs.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/error.h"
#include "base/names.h"
#include "data/class_names.h"
#include "data/custom_task.h"
#include "data/label_survey.h"
#include "distill/given_teacher.h"
#include "models/model_config.h"
#include "models/sentence_folder.h"
#include "retrieval/kb_manifest.h"
#include "run/output_directory.h"
#include "stages/data_files.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;
using base::ConfigError;
using base::Json;

constexpr std::int64_t kDefaultMaxSeqLength = 128;

/// `flag` if given, else `inherited`; they must agree where both are there.
template <typename T>
T agreed(const std::string& flag_name, const std::optional<T>& flag, const T& inherited,
         const std::string& directory) {
  if (flag && *flag != inherited) {
    throw ConfigError("--{} {}: {} was made with {}; leave the flag out, or begin the chain again",
                      flag_name, *flag, directory, inherited);
  }
  return inherited;
}

/// Flags that contradict the split that is inherited.
void check_split_flags(const DataOptions& options, const Inherited& inherited) {
  if (!inherited.split) return;
  const data::TrainSplit& split = *inherited.split;
  if (!options.validation.empty()) {
    agreed<std::string>("validation", data::to_string(data::parse_validation(options.validation)),
                        data::to_string(split.validation), inherited.directory);
  }
  agreed<std::int64_t>("split-seed", options.split_seed,
                       static_cast<std::int64_t>(split.split_seed), inherited.directory);
  agreed<std::int64_t>("max-train-examples", options.max_train_examples, split.max_train_examples,
                       inherited.directory);
}

/// The settings that are inherited; flags may say the same.
data::TaskSettings agreed_settings(const DataOptions& options, data::TaskSettings settings,
                                   const std::string& directory) {
  if (!options.task.empty()) {
    const data::Task given = data::task_of(options.task);
    agreed<std::string>("task", given.name, settings.task.name, directory);
    auto classes = given.labels;
    auto known = settings.task.labels;
    std::ranges::sort(classes);
    std::ranges::sort(known);
    if (const auto differs = data::difference(classes, known); !differs.empty()) {
      throw ConfigError("--task {}: has other classes than {}: {}", options.task, directory,
                        differs);
    }
    settings.task = data::with_label_order(given, settings.task.labels);
  }
  agreed<std::int64_t>("max-seq-length", options.max_seq_length, settings.max_seq_length,
                       directory);
  if (!options.label_order.empty() && options.label_order != settings.task.labels) {
    throw ConfigError("--label-order {}: {} was made with {}", base::few_names(options.label_order),
                      directory, base::few_names(settings.task.labels));
  }
  return settings;
}

void check_label_kind(const DataOptions& options, const data::Task& task) {
  const auto kind = data::parse_label_kind(options.label_kind);
  if (kind == data::LabelKind::kAuto || (kind == data::LabelKind::kScores) == task.regression()) {
    return;
  }
  throw ConfigError("--label-kind {}: task {} has {}; leave it out", options.label_kind, task.name,
                    task.regression() ? "scores" : "classes");
}

/// The name of a task that has no other: that of its directory.
std::string name_of_directory(const std::string& directory) {
  const std::string name = base::json_text(fs::weakly_canonical(directory).filename().string());
  const auto glue = data::names_of_glue_tasks();
  const bool taken = std::ranges::find(glue, name) != glue.end();
  return name.empty() || taken ? "own" : name;
}

/// The task whose files have these columns, and the labels of the training file for classes.
data::Task task_of_columns(const DataOptions& options, const Inherited& inherited) {
  if (!options.columns().any()) {
    throw ConfigError(
        "--task is required: {}; give --text-column and --label-column for your own files, or {} "
        "or a FILE.json",
        inherited.directory.empty() ? "no earlier stage names one"
                                    : inherited.directory + " does not say which it was made for",
        data::glue_task_names());
  }
  const auto description = data::describe_task(
      name_of_directory(options.data), find_train_file(options), options.columns(),
      data::parse_label_kind(options.label_kind), options.bad_rows());
  return data::custom_task(description, "--label-column " + options.label_column);
}

/// At most the model's positions; nothing where the directory is no such folder.
std::optional<std::int64_t> folder_length(const models::ModelConfig& config,
                                          const fs::path& directory) {
  const auto folder = models::read_sentence_folder(directory);
  if (!folder || !folder->max_seq_length) return std::nullopt;
  return std::min(*folder->max_seq_length, config.max_tokens());
}

}  // namespace

Inherited inherit(const fs::path& directory) {
  run::require_finished(directory);
  Inherited inherited;
  inherited.directory = directory.string();
  const bool is_kb = fs::exists(directory / "kb.json");
  const bool is_given = !is_kb && distill::is_given_teacher(directory);
  const fs::path path = directory / (is_kb      ? "kb.json"
                                     : is_given ? models::kGivenTeacherFile
                                                : "config.json");
  if (!fs::exists(path)) {
    models::check_encoder_is_here(directory);
    throw base::ArtifactError(
        "{}: is missing, and so is kb.json: {} is neither a model nor a knowledge base",
        path.string(), directory.string());
  }
  Json settings;
  std::int64_t num_labels = 0;  // of a knowledge base
  if (is_kb) {
    const auto manifest = retrieval::load_kb_manifest(directory);
    settings = manifest.provenance.task_settings;
    num_labels = manifest.num_labels;
  } else if (is_given) {
    settings = distill::settings_of_given_teacher(directory).to_json();
  } else {
    const auto config = models::load_config(directory);
    settings = config.reaugkd;
    inherited.id2label = config.id2label;
    if (settings.is_null()) inherited.folder_length = folder_length(config, directory);
  }
  if (!settings.is_null()) {
    inherited.settings = data::TaskSettings::from_json(settings, path.string());
    const auto labels = inherited.settings->task.num_labels();
    if (is_kb && num_labels != labels) {
      throw base::ArtifactError(
          "{}: num_labels is {}, but its task {} has {}: it is damaged; run "
          "build-kb again",
          path.string(), num_labels, inherited.settings->task.name, labels);
    }
  }
  if (fs::exists(directory / "split.json")) inherited.split = data::load_split(directory);
  return inherited;
}

data::TaskSettings resolve_settings(const DataOptions& options, const Inherited& inherited) {
  check_split_flags(options, inherited);
  if (inherited.settings) {
    auto settings = agreed_settings(options, *inherited.settings, inherited.directory);
    check_label_kind(options, settings.task);
    return settings;
  }
  data::TaskSettings settings;
  settings.task =
      options.task.empty() ? task_of_columns(options, inherited) : data::task_of(options.task);
  check_label_kind(options, settings.task);
  settings.max_seq_length =
      options.max_seq_length.value_or(inherited.folder_length.value_or(kDefaultMaxSeqLength));
  if (!options.max_seq_length && inherited.folder_length) {
    spdlog::info("{}: is a sentence-transformers folder: --max-seq-length {}", inherited.directory,
                 settings.max_seq_length);
  }
  if (!options.label_order.empty()) {
    settings.task = data::with_label_order(settings.task, options.label_order);
  } else if (const auto order = data::in_order_of(inherited.id2label, settings.task.labels)) {
    settings.task = data::with_label_order(settings.task, *order);
  } else if (inherited.id2label.size() == settings.task.labels.size() &&
             !data::nameless(inherited.id2label)) {
    spdlog::warn(
        "{}: calls its classes {}; they are taken for {}, unless --label-order says otherwise",
        inherited.directory, base::few_names(inherited.id2label),
        base::few_names(settings.task.labels));
  }
  return settings;
}

void check_class_order(const DataOptions& options, const Inherited& model,
                       const data::TaskSettings& settings) {
  if (!options.label_order.empty() && !model.settings) return;
  const auto own =
      model.settings
          ? model.settings->task.labels
          : data::in_order_of(model.id2label, settings.task.labels).value_or(settings.task.labels);
  if (own.size() == settings.task.labels.size() && own != settings.task.labels) {
    throw base::ArtifactError(
        "{}: its classes are not in the order of the others: {}; use models and a knowledge base "
        "with one order (--label-order where the first of them is made)",
        model.directory, data::difference(own, settings.task.labels));
  }
}

void check_same_task(const Inherited& other, const data::TaskSettings& settings,
                     const std::string& directory) {
  if (!other.settings) return;
  const auto differs = data::difference(*other.settings, settings);
  if (differs.empty()) return;
  throw base::ArtifactError(
      "{} and {} were made for different tasks: {}; task, class order and max_seq_length must be "
      "the same",
      other.directory, directory, differs);
}

data::Dataset read_split_file(const DataOptions& options, const data::TaskSettings& settings,
                              data::Split split) {
  const auto path = find_split_file(options, settings.task, split);
  if (!path) {
    const auto& given = split == data::Split::kTrain ? options.train_file
                        : split == data::Split::kDev ? options.dev_file
                                                     : options.test_file;
    const auto& own = split == data::Split::kTrain ? settings.task.train_file
                      : split == data::Split::kDev ? settings.task.dev_file
                                                   : settings.task.test_file;
    throw base::IoError(
        "{}: is missing; --data is a directory with the task's files, --{}-file names another one",
        (fs::path(options.data) / (given.empty() ? own : given)).string(), data::to_string(split));
  }
  const data::Task task = task_of_file(options, settings.task, *path);
  auto dataset = data::read_dataset(*path, task, task.layout(split), options.bad_rows());
  spdlog::info("{}: {} rows", path->string(), dataset.size());
  return dataset;
}

data::Dataset labelled_part(const data::Dataset& rows) {
  if (rows.fully_labelled()) return rows;
  std::vector<std::int64_t> labelled;
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (rows.labelled(i)) labelled.push_back(i);
  }
  if (labelled.empty()) {
    throw base::DataError("{}: no row to train on has a label", rows.path.string());
  }
  spdlog::warn("{}: {} rows have no label and are left to later stages", rows.path.string(),
               rows.rows.size() - labelled.size());
  return rows.subset(labelled);
}

data::TaskData read_task_data(const DataOptions& options, const data::TaskSettings& settings,
                              const Inherited& inherited, run::RunDirectory& run) {
  data::TaskData result;
  result.settings = settings;
  const auto train = read_split_file(options, settings, data::Split::kTrain);
  check_split_flags(options, inherited);
  if (inherited.split) {
    result.split = *inherited.split;
  } else {
    const auto validation =
        data::parse_validation(options.validation.empty() ? "holdout:0.1" : options.validation);
    result.split =
        data::make_split(train, settings.task, validation, options.max_train_examples.value_or(0),
                         static_cast<std::uint64_t>(options.split_seed.value_or(0)));
  }
  result.rows_in_train_file = train.size() + train.skipped;
  result.train = data::train_part(train, result.split);
  result.validation = result.split.validation.holdout
                          ? data::holdout_part(train, result.split)
                          : read_split_file(options, settings, data::Split::kDev);
  run.add_input(train.path, train.sha256);
  if (!result.split.validation.holdout) {
    run.add_input(result.validation.path, result.validation.sha256);
  }
  if (!result.validation.fully_labelled()) {
    throw base::DataError(
        "{}: has rows without a label, which validate nothing: leave them out, or give "
        "--validation holdout:0.1",
        result.validation.path.string());
  }
  spdlog::info("{} rows to train on, {} to validate on ({})", result.train.size(),
               result.validation.size(), data::to_string(result.split.validation));
  return result;
}

}  // namespace reaugkd::stages
