#include "core/output_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "core/error.h"
#include "core/file.h"

namespace reaugkd::core {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockFile = ".lock";

std::string this_process() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format("process {} on {}", ::getpid(), host.data());
}

void make_directory(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw IoError("{}: cannot be created: {}", path.string(), error.message());
}

/// Entries but the lock.
bool holds_anything(const fs::path& directory) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename() != kLockFile) return true;
  }
  return false;
}

/// Removes what `unwanted` says of each name, but never the lock.
template <typename Predicate>
void remove_entries(const fs::path& directory, const Predicate& unwanted) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name != kLockFile && unwanted(name)) fs::remove_all(entry.path(), ignored);
  }
}

bool is_temporary(const std::string& name) {
  return name.find(kTemporaryMark) != std::string::npos;
}

}  // namespace

DirectoryLock::DirectoryLock(const fs::path& directory) : path_(directory / kLockFile) {
  while (descriptor_ < 0) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) {
      throw IoError("{}: cannot be written: {}", directory.string(), strerror(errno));
    }
    // Where the file system has no locks (some network ones), the run goes on without.
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      std::array<char, 512> holder{};
      const auto got = ::pread(descriptor_, holder.data(), holder.size() - 1, 0);
      ::close(descriptor_);
      descriptor_ = -1;
      throw ConfigError(
          "{} is being written by {}: wait until it has ended, stop it, or name another --output",
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
    throw IoError("{}: cannot be written: {}", path_.string(), strerror(reason));
  }
}

void DirectoryLock::release() noexcept {
  if (descriptor_ < 0) return;
  ::unlink(path_.c_str());
  ::close(descriptor_);
  descriptor_ = -1;
}

OutputDirectory::OutputDirectory(fs::path path, OutputMode mode)
    : final_(std::move(path)), work_(final_) {
  if (final_.filename().empty()) final_ = work_ = final_.parent_path();
  std::error_code error;
  was_there_ = fs::exists(final_, error);
  if (was_there_ && !fs::is_directory(final_)) {
    throw ConfigError("--output {}: is a file, expected a directory", final_.string());
  }
  make_directory(final_);
  final_lock_.emplace(final_);
  was_empty_ = !holds_anything(final_);
  if (!was_empty_ && mode == OutputMode::kFresh) {
    throw ConfigError(
        "--output {}: the directory is not empty; name another one, go on with --resume, or "
        "replace it with --overwrite",
        final_.string());
  }
  replaces_ = !was_empty_ && mode == OutputMode::kOverwrite;
  if (replaces_) {
    work_ += ".new";
    make_directory(work_);
    work_lock_.emplace(work_);
  }
  remove_entries(work_, [&](const std::string& name) { return replaces_ || is_temporary(name); });
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
    throw IoError("{} cannot be replaced by {}: {}", final_.string(), work_.string(),
                  strerror(errno));
  };
  if (::renameat2(AT_FDCWD, work_.c_str(), AT_FDCWD, final_.c_str(), RENAME_EXCHANGE) != 0) {
    // A file system without exchange: for a moment neither is there under its name.
    const fs::path old = final_.string() + ".old";
    if (::rename(final_.c_str(), old.c_str()) != 0) fail();
    if (::rename(work_.c_str(), final_.c_str()) != 0) fail();
    if (::rename(old.c_str(), work_.c_str()) != 0) fail();
  }
  sync_directory(final_.has_parent_path() ? final_.parent_path() : ".");
  // Both locks now lie in the other directory; the names they unlink are the same two.
  std::error_code ignored;
  fs::remove_all(work_, ignored);
  replaces_ = false;
  work_ = final_;
}

bool is_finished(const fs::path& directory) {
  return fs::exists(directory / "metrics.json");
}

}  // namespace reaugkd::core
