#include "stages/data_files.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSuffixes[] = {".tsv", ".csv", ".jsonl"};

const std::string& own_name(const data::Task& task, data::Split split) {
  return split == data::Split::kTrain ? task.train_file
         : split == data::Split::kDev ? task.dev_file
                                      : task.test_file;
}

const std::string& given_name(const DataOptions& options, data::Split split) {
  return split == data::Split::kTrain ? options.train_file
         : split == data::Split::kDev ? options.dev_file
                                      : options.test_file;
}

/// The only file of one of these names with one of our suffixes.
std::optional<fs::path> find_by_suffix(const DataOptions& options,
                                       const std::vector<std::string>& stems, data::Split split) {
  std::vector<std::string> found;
  for (const auto& stem : stems) {
    for (const char* suffix : kSuffixes) {
      const std::string name = stem + suffix;
      const bool known = std::ranges::find(found, name) != found.end();
      if (!known && fs::is_regular_file(fs::path(options.data) / name)) found.push_back(name);
    }
  }
  if (found.empty()) return std::nullopt;
  if (found.size() > 1) {
    throw base::ConfigError("--data {}: found {}, expected one of them: name it with --{}-file",
                            options.data, fmt::join(found, " and "), data::to_string(split));
  }
  return fs::path(options.data) / found.front();
}

}  // namespace

std::optional<fs::path> find_split_file(const DataOptions& options, const data::Task& task,
                                        data::Split split) {
  const std::string& given = given_name(options, split);
  const std::string& own = own_name(task, split);
  fs::path path = fs::path(options.data) / (given.empty() ? own : given);
  if (fs::exists(path)) return path;
  if (!given.empty()) return std::nullopt;
  return find_by_suffix(options, {fs::path(own).stem().string(), std::string(to_string(split))},
                        split);
}

fs::path find_train_file(const DataOptions& options) {
  if (!options.train_file.empty()) {
    const fs::path path = fs::path(options.data) / options.train_file;
    if (fs::exists(path)) return path;
    throw base::IoError("{}: is missing; --train-file is the name of a file in --data",
                        path.string());
  }
  if (fs::is_regular_file(options.data)) {
    const fs::path file = options.data;
    throw base::ConfigError(
        "--data {}: is a file, expected its directory: --data {} --train-file {}", options.data,
        file.has_parent_path() ? file.parent_path().string() : ".", file.filename().string());
  }
  if (const auto found = find_by_suffix(options, {"train"}, data::Split::kTrain)) return *found;
  throw base::IoError(
      "--data {}: expected train.tsv, train.csv or train.jsonl there, found none of them; "
      "--train-file names another file",
      options.data);
}

data::Task task_of_file(const DataOptions& options, const data::Task& task, const fs::path& file) {
  const std::string name = file.filename().string();
  const std::string own[] = {task.train_file, task.dev_file, task.test_file};
  const bool named_by_task = std::ranges::find(own, name) != std::end(own);
  return data::laid_out(task, named_by_task ? task.format : format_of_file(file, task.format),
                        options.columns());
}

}  // namespace reaugkd::stages
