#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace reaugkd::base {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

/// `more` ends the message.
void write_all(int file, const void* bytes, std::size_t size, const std::filesystem::path& path,
               const char* more) {
  const char* next = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t wrote = ::write(file, next, size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      throw IoError("{}: cannot be written: {}{}", path.string(), strerror(errno), more);
    }
    next += wrote;
    size -= static_cast<std::size_t>(wrote);
  }
}

}  // namespace

InputFile::InputFile(std::filesystem::path path) : path_(std::move(path)) {
  Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw IoError("{}: cannot be opened: {}", path_.string(), strerror(errno));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    throw IoError("{}: is not a regular file", path_.string());
  }
  size_ = static_cast<std::size_t>(info.st_size);
  descriptor_ = file.release();
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

std::size_t InputFile::read(char* bytes, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(descriptor_, bytes + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw IoError("{}: cannot be read: {}", path_.string(), strerror(errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

std::string read_file(const std::filesystem::path& path) {
  InputFile file(path);
  std::string bytes(file.size(), '\0');
  if (file.read(bytes.data(), bytes.size()) < bytes.size()) {
    throw IoError("{}: became shorter while it was read", path.string());
  }
  return bytes;
}

AtomicFile::AtomicFile(std::filesystem::path path)
    : path_(std::move(path)),
      temporary_(path_.string() + kTemporaryMark + std::to_string(::getpid())) {
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    throw IoError("{}: cannot be written: {}", temporary_.string(), strerror(errno));
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
  }
}

void AtomicFile::write(const void* bytes, std::size_t size) {
  write_all(descriptor_, bytes, size, path_, "; what stood there before is unchanged");
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) {
    throw IoError("{}: cannot be written: {}; what stood there before is unchanged", path_.string(),
                  strerror(errno));
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    throw IoError("{}: cannot be renamed to {}: {}", temporary_.string(), path_.string(),
                  strerror(errno));
  }
  ::close(descriptor_);
  descriptor_ = -1;
  sync_directory(path_.has_parent_path() ? path_.parent_path() : ".");
}

AppendedFile::AppendedFile(std::filesystem::path path, std::uintmax_t size)
    : path_(std::move(path)) {
  const auto fail = [&] {
    throw IoError("{}: cannot be written: {}", path_.string(), strerror(errno));
  };
  Descriptor file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  struct stat info {};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0) fail();
  if (static_cast<std::uintmax_t>(info.st_size) < size) {
    throw ArtifactError(
        "{}: has {} bytes, but the checkpoint beside it was written after {}: the directory is not "
        "whole; start again with `overwrite`",
        path_.string(), info.st_size, size);
  }
  if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) fail();
  descriptor_ = file.release();
}

AppendedFile::~AppendedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void AppendedFile::write(std::string_view text) {
  write_all(descriptor_, text.data(), text.size(), path_, "");
}

void AppendedFile::sync() {
  if (::fsync(descriptor_) != 0) {
    throw IoError("{}: cannot be written: {}", path_.string(), strerror(errno));
  }
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void sync_directory(const std::filesystem::path& directory) {
  const Descriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || (::fsync(folder.get()) != 0 && errno != EINVAL)) {
    throw IoError("{}: cannot be synced: {}", directory.string(), strerror(errno));
  }
}

}  // namespace reaugkd::base
