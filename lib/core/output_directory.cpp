#include "core/output_directory.h"

#include <unistd.h>

#include <system_error>

#include "core/error.h"
#include "core/file.h"

namespace reaugkd::core {
namespace fs = std::filesystem;

OutputDirectory::OutputDirectory(fs::path path, OutputMode mode)
    : final_(std::move(path)), work_(final_) {
  if (final_.filename().empty()) final_ = work_ = final_.parent_path();
  std::error_code error;
  const bool exists = fs::exists(final_, error);
  if (exists && !fs::is_directory(final_)) {
    throw ConfigError("--output {}: is a file, expected a directory", final_.string());
  }
  const bool occupied = exists && !fs::is_empty(final_, error);
  if (occupied && mode == OutputMode::kFresh) {
    throw ConfigError(
        "--output {}: the directory is not empty; name another one, go on with "
        "--resume, or replace it with --overwrite",
        final_.string());
  }
  was_there_ = exists;
  was_empty_ = !occupied;
  swap_ = occupied && mode == OutputMode::kOverwrite;
  if (swap_) work_ += ".new-" + std::to_string(::getpid());
  fs::create_directories(work_, error);
  if (error) throw IoError("{}: cannot be created: {}", work_.string(), error.message());
  const fs::path probe = work_ / ".writable";
  write_file(probe, "");
  fs::remove(probe, error);
}

OutputDirectory::~OutputDirectory() {
  std::error_code ignored;
  if (swap_) fs::remove_all(work_, ignored);
}

void OutputDirectory::remove_if_only(const std::set<std::string>& traces) noexcept {
  if (!was_empty_) return;
  std::error_code error;
  for (fs::directory_iterator entry(work_, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!traces.contains(entry->path().filename().string())) return;
  }
  if (error) return;
  for (const auto& name : traces) fs::remove(work_ / name, error);
  if (!was_there_) fs::remove(work_, error);
}

void OutputDirectory::finish() {
  if (!swap_) return;
  const fs::path old = final_.string() + ".old-" + std::to_string(::getpid());
  std::error_code error;
  fs::rename(final_, old, error);
  if (!error) fs::rename(work_, final_, error);
  if (error) {
    throw IoError("{} cannot be replaced by {}: {}", final_.string(), work_.string(),
                  error.message());
  }
  swap_ = false;
  work_ = final_;
  fs::remove_all(old, error);
}

bool is_finished(const fs::path& directory) {
  return fs::exists(directory / "metrics.json");
}

}  // namespace reaugkd::core
