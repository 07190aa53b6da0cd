// Reading and writing files. Every writer goes through AtomicFile, so a reader never meets a
// half-written file. Used by all modules that touch the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace reaugkd::base {

/// A regular file that is read from its beginning.
class InputFile {
 public:
  /// Throws IoError where it is missing or no regular file.
  explicit InputFile(std::filesystem::path path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Of the file when it was opened.
  std::size_t size() const { return size_; }
  /// Up to `size` bytes, fewer only at the end. Throws IoError.
  std::size_t read(char* bytes, std::size_t size);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::size_t size_ = 0;
};

/// The file's bytes. Throws IoError if it is missing or unreadable.
std::string read_file(const std::filesystem::path& path);

/// Part of the name of every file that is still being written.
inline constexpr const char* kTemporaryMark = ".tmp-";

/// Writes to a temporary name beside `path`; commit() syncs and renames. Without commit() the
/// destructor removes the temporary and what stood at `path` before stays. Throws IoError.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* bytes, std::size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

  /// The temporary's name, for writers that insist on opening the file themselves (hnswlib).
  const std::filesystem::path& temporary_path() const { return temporary_; }

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

/// A log that grows by whole lines: what is written is there for the next process, whatever happens
/// to this one. Used where AtomicFile cannot be, for train_log.jsonl.
class AppendedFile {
 public:
  /// Keeps the first `size` bytes of what is there and goes on behind them. Throws IoError, or
  /// ArtifactError where there are fewer.
  AppendedFile(std::filesystem::path path, std::uintmax_t size);
  ~AppendedFile();
  AppendedFile(const AppendedFile&) = delete;
  AppendedFile& operator=(const AppendedFile&) = delete;

  void write(std::string_view text);
  /// What has been written survives a power cut.
  void sync();

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// AtomicFile in one call.
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// Makes a rename in `directory` survive a power cut. Throws IoError.
void sync_directory(const std::filesystem::path& directory);

}  // namespace reaugkd::base
