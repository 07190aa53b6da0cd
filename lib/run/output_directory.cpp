#include "run/output_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "run/run_files.h"

namespace reaugkd::run {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockFile = ".lock";
constexpr std::size_t kLongestName = 100;  // of what a stage writes in its directory, with room

std::string this_process() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format("process {} on {}", ::getpid(), host.data());
}

void make_directory(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw base::IoError("{}: cannot be created: {}", path.string(), error.message());
}

bool is_temporary(const std::string& name) {
  return name.find(base::kTemporaryMark) != std::string::npos;
}

/// Entries but the lock.
std::vector<std::string> entries_of(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name != kLockFile) names.push_back(name);
  }
  return names;
}

/// Whether what is there was written by a run of ours, which begins with run.log and run.json, or
/// is the knowledge base of a folder of export, which has neither.
bool is_ours(const fs::path& directory, const std::vector<std::string>& names) {
  return fs::exists(directory / kRunFile) || fs::exists(directory / "kb.json") ||
         std::all_of(names.begin(), names.end(), [](const std::string& name) {
           return name == kLogFile || is_temporary(name);
         });
}

/// Removes what a killed run left of half-written files, at any depth.
void remove_temporaries(const fs::path& directory) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (is_temporary(entry.path().filename().string())) found.push_back(entry.path());
  }
  std::error_code ignored;
  for (const auto& path : found) fs::remove_all(path, ignored);
}

void remove_entries(const fs::path& directory) {
  std::error_code ignored;
  for (const auto& name : entries_of(directory)) fs::remove_all(directory / name, ignored);
}

/// `path` with a mark that no user's directory has, so that what is there can be removed.
fs::path beside(const fs::path& path, const char* what) {
  return path.string() + base::kTemporaryMark + what;
}

/// A run that was killed between the renames of finish() left no directory under its name.
void put_back(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error) && !error) fs::rename(beside(path, "old"), path, error);
}

/// Replaced, it would be gone under the shell that started us.
void check_not_worked_in(const fs::path& directory) {
  const fs::path here = fs::current_path();
  const auto [end, ignored] =
      std::mismatch(directory.begin(), directory.end(), here.begin(), here.end());
  if (end != directory.end()) return;
  throw base::ConfigError(
      "`output` {}: `overwrite` replaces the directory, and you are in it: cd elsewhere first",
      directory.string());
}

}  // namespace

DirectoryLock::DirectoryLock(const fs::path& directory) : path_(directory / kLockFile) {
  while (descriptor_ < 0) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) {
      throw base::IoError("{}: cannot be written: {}", directory.string(), strerror(errno));
    }
    // Where the file system has no locks (some network ones), the run goes on without.
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      std::array<char, 512> holder{};
      const auto got = ::pread(descriptor_, holder.data(), holder.size() - 1, 0);
      ::close(descriptor_);
      descriptor_ = -1;
      throw base::ConfigError(
          "{} is being written by {}: wait until it has ended, stop it, or name another `output`",
          directory.string(), got > 0 ? holder.data() : "another process");
    }
    // Who held it may have removed the file between open and flock: then this lock is worth
    // nothing.
    struct stat locked {};
    struct stat there {};
    if (::fstat(descriptor_, &locked) != 0 || ::stat(path_.c_str(), &there) != 0 ||
        locked.st_ino != there.st_ino) {
      ::close(descriptor_);
      descriptor_ = -1;
    }
  }
  const std::string text = this_process();
  if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, text.data(), text.size(), 0) < 0) {
    const int reason = errno;
    release();
    throw base::IoError("{}: cannot be written: {}", path_.string(), strerror(reason));
  }
}

void DirectoryLock::release() noexcept {
  if (descriptor_ < 0) return;
  ::unlink(path_.c_str());
  ::close(descriptor_);
  descriptor_ = -1;
}

void DirectoryLock::moved_to(const fs::path& directory) {
  path_ = directory / kLockFile;
}

OutputDirectory::OutputDirectory(fs::path path, OutputMode mode,
                                 const std::function<void(const fs::path&)>& check_replaceable)
    : final_(std::move(path)), work_(final_) {
  if (final_.filename().empty()) final_ = work_ = final_.parent_path();
  if (final_.string().size() + kLongestName > PATH_MAX) {
    throw base::IoError("`output`: the path of {} characters is too long, at most {} are possible",
                        final_.string().size(), PATH_MAX - kLongestName);
  }
  put_back(final_);
  std::error_code error;
  was_there_ = fs::exists(final_, error);
  if (was_there_ && !fs::is_directory(final_)) {
    throw base::ConfigError("`output` {}: is a file, expected a directory", final_.string());
  }
  make_directory(final_);
  try {
    final_lock_.emplace(final_);
  } catch (const base::Error&) {
    if (!was_there_) fs::remove(final_, error);
    throw;
  }
  const auto names = entries_of(final_);
  was_empty_ = names.empty();
  check_mode(mode, is_ours(final_, names));
  replaces_ = !was_empty_ && mode == OutputMode::kOverwrite;
  if (replaces_) {
    final_ = fs::canonical(final_);  // what a link points to is replaced, not the link
    check_not_worked_in(final_);
    check_replaceable(final_);
    work_ = beside(final_, "overwrite");
    make_directory(work_);
    try {
      work_lock_.emplace(work_);
    } catch (const base::Error&) {
      fs::remove(work_, error);  // only if nothing is in it: another run's is not ours to remove
      throw;
    }
    check_replaceable(work_);
    remove_entries(work_);
  }
  remove_temporaries(work_);
}

void OutputDirectory::check_mode(OutputMode mode, bool ours) const {
  if (was_empty_) return;
  if (mode == OutputMode::kFresh) {
    throw base::ConfigError(
        "`output` {}: the directory is not empty; name another one, go on with `resume`, or "
        "replace it with `overwrite`",
        final_.string());
  }
  if (!ours) {
    throw base::ConfigError(
        "`output` {}: holds other files than a run of reaugkd (there is no {}), which stay; name "
        "another directory",
        final_.string(), kRunFile);
  }
}

OutputDirectory::~OutputDirectory() {
  std::error_code ignored;
  if (replaces_) fs::remove_all(work_, ignored);
}

void OutputDirectory::remove_if_only(const std::set<std::string>& traces) noexcept {
  if (!was_empty_) return;
  std::error_code error;
  for (fs::directory_iterator entry(work_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name != kLockFile && !traces.contains(name)) return;
  }
  if (error) return;
  for (const auto& name : traces) fs::remove(work_ / name, error);
  final_lock_.reset();
  if (!was_there_) fs::remove(work_, error);
}

void OutputDirectory::finish() {
  if (!replaces_) return;
  const auto fail = [&] {
    throw base::IoError("{} cannot be replaced by {}: {}", final_.string(), work_.string(),
                        strerror(errno));
  };
  if (::renameat2(AT_FDCWD, work_.c_str(), AT_FDCWD, final_.c_str(), RENAME_EXCHANGE) != 0) {
    // A file system without exchange: for a moment neither is there under its name.
    const fs::path old = beside(final_, "old");
    if (::rename(final_.c_str(), old.c_str()) != 0) fail();
    if (::rename(work_.c_str(), final_.c_str()) != 0) fail();
    if (::rename(old.c_str(), work_.c_str()) != 0) fail();
  }
  base::sync_directory(final_.has_parent_path() ? final_.parent_path() : ".");
  final_lock_->moved_to(work_);
  work_lock_->moved_to(final_);
  std::error_code ignored;
  fs::remove_all(work_, ignored);
  replaces_ = false;
  work_ = final_;
}

bool is_finished(const fs::path& directory) {
  return fs::exists(directory / kMetricsFile);
}

void clear_lock(const fs::path& directory) noexcept {
  try {
    if (fs::exists(directory / kLockFile)) DirectoryLock(directory).release();
  } catch (const std::exception&) {  // held by another, or the directory is read-only
  }
}

void require_finished(const fs::path& directory) {
  if (!fs::is_directory(directory)) {
    throw base::ArtifactError("{}: there is no such directory", directory.string());
  }
  if (!fs::exists(directory / kRunFile) || is_finished(directory)) return;
  throw base::ArtifactError(
      "{}: the run that writes it has not finished ({} is there, {} is not): give its command "
      "again with `resume`, or copy the directory once it is whole",
      directory.string(), kRunFile, kMetricsFile);
}

}  // namespace reaugkd::run
