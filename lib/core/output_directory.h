// The directory a stage writes: refused if it already holds something, started over beside the old
// one with --overwrite, and finished when metrics.json is there.
#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace reaugkd::core {

enum class OutputMode { kFresh, kResume, kOverwrite };

class OutputDirectory {
 public:
  /// Creates `path` (or, to overwrite, a directory beside it that finish() swaps in) and checks
  /// that it can be written. Throws ConfigError where it is not empty and neither --resume nor
  /// --overwrite was given, IoError where it cannot be made.
  OutputDirectory(std::filesystem::path path, OutputMode mode);
  /// Without finish(), removes what an overwrite had begun; the old directory stays.
  ~OutputDirectory();
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  /// Where to write now.
  const std::filesystem::path& path() const { return work_; }
  /// Where the result will be.
  const std::filesystem::path& final_path() const { return final_; }
  /// Removes what this run began, where it began in an empty directory and nothing but `traces` is
  /// there: after a wrong flag or a missing input the same command can be given again.
  void remove_if_only(const std::set<std::string>& traces) noexcept;
  /// Puts an overwriting run's result in place of the old directory. Throws IoError.
  void finish();

 private:
  std::filesystem::path final_;
  std::filesystem::path work_;
  bool swap_ = false;
  bool was_there_ = false;
  bool was_empty_ = true;
};

/// Whether a stage has finished there: metrics.json is written last.
bool is_finished(const std::filesystem::path& directory);

}  // namespace reaugkd::core
