// The directory a stage writes: refused if it already holds something or if another run writes it,
// started over beside the old one with --overwrite, and finished when metrics.json is there.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>

namespace reaugkd::run {

/// Written first, with the options and inputs; metrics.json is written last.
inline constexpr const char* kRunFile = "run.json";
inline constexpr const char* kMetricsFile = "metrics.json";

enum class OutputMode { kFresh, kResume, kOverwrite };

/// Holds the file `.lock` in a directory, which names this process, until it is destroyed or the
/// process ends in whatever way. Throws ConfigError, naming the holder, where another has it.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::filesystem::path& directory);
  ~DirectoryLock() { release(); }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  void release() noexcept;
  /// The file has come to lie here by a rename of its directory.
  void moved_to(const std::filesystem::path& directory);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

class OutputDirectory {
 public:
  /// Creates `path` (or, to overwrite, `path`.tmp-overwrite, which finish() swaps in), locks it,
  /// checks that it can be written and clears what a killed run left of half-written files. Throws
  /// ConfigError where it is not empty and neither --resume nor --overwrite was given, where it
  /// holds something else than a run, where another run writes it, or where it is to be overwritten
  /// and this process works in it; IoError where it cannot be made. `check_replaceable` is called
  /// with each directory whose entries are to be removed, before any is, and throws where they must
  /// stay.
  OutputDirectory(
      std::filesystem::path path, OutputMode mode,
      const std::function<void(const std::filesystem::path&)>& check_replaceable = [](const auto&) {
      });
  /// Without finish(), removes what an overwrite had begun; the old directory stays.
  ~OutputDirectory();
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  /// Where to write now.
  const std::filesystem::path& path() const { return work_; }
  /// Where the result will be.
  const std::filesystem::path& final_path() const { return final_; }
  /// Whether finish() will put the result in place of an older one.
  bool replaces() const { return replaces_; }
  /// Removes what this run began, where it began in an empty directory and nothing but `traces` is
  /// there: after a wrong flag or a missing input the same command can be given again.
  void remove_if_only(const std::set<std::string>& traces) noexcept;
  /// Puts an overwriting run's result in place of the old directory: in one step where the file
  /// system can. Throws IoError.
  void finish();

 private:
  void check_mode(OutputMode mode, bool ours) const;

  std::filesystem::path final_;
  std::filesystem::path work_;
  bool replaces_ = false;
  bool was_there_ = false;
  bool was_empty_ = true;
  std::optional<DirectoryLock> final_lock_;
  std::optional<DirectoryLock> work_lock_;  // of path.tmp-overwrite
};

/// Whether a stage has finished there: metrics.json is written last.
bool is_finished(const std::filesystem::path& directory);

/// Removes what a run left that was killed after metrics.json was written: its lock, unless another
/// process holds it. What cannot be removed stays.
void clear_lock(const std::filesystem::path& directory) noexcept;

/// Throws ArtifactError where `directory` is missing or a run of ours has begun there and not
/// finished. A model from elsewhere has no run.json and passes.
void require_finished(const std::filesystem::path& directory);

}  // namespace reaugkd::run
