#include "base/blocks.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "base/error.h"

namespace reaugkd::base {
namespace {

constexpr std::size_t kSmallest = std::size_t{1} << 20;  // block that is in a file

std::atomic<std::size_t> limit = kBlocksInMemory;
std::atomic<std::size_t> smallest_in_file = kSmallest;
std::atomic<std::size_t> in_memory = 0;

std::filesystem::path scratch_folder() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

/// An open file that no name leads to. Throws IoError.
int nameless_file(const std::filesystem::path& folder) {
  int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) return file;
  std::string name = (folder / "reaugkd-XXXXXX").string();  // where O_TMPFILE is not known
  file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) {
    throw IoError(
        "TMPDIR: no file can be made in {}: {}; texts and token ids that do not fit in memory go "
        "there: set TMPDIR to a folder on a disk",
        folder.string(), strerror(errno));
  }
  ::unlink(name.c_str());
  return file;
}

std::shared_ptr<std::byte> make_file_block(std::size_t size) {
  const std::filesystem::path folder = scratch_folder();
  const int file = nameless_file(folder);
  // All of it now: a page that finds the disk full later would be a signal and no error.
  int refused = EINTR;
  while (refused == EINTR) refused = ::posix_fallocate(file, 0, static_cast<off_t>(size));
  void* address = MAP_FAILED;
  if (refused == 0) address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  const int error = refused != 0 ? refused : errno;
  ::close(file);
  if (address == MAP_FAILED) {
    throw IoError(
        "TMPDIR: a file in {} cannot have {} MiB: {}; texts and token ids that do not fit in "
        "memory go there: set TMPDIR to a folder on a disk with room",
        folder.string(), size >> 20, strerror(error));
  }
  return {static_cast<std::byte*>(address), [size](std::byte* bytes) { ::munmap(bytes, size); }};
}

}  // namespace

std::shared_ptr<std::byte> make_block(std::size_t size) {
  if (in_memory.fetch_add(size) + size > limit && size >= smallest_in_file) {
    in_memory.fetch_sub(size);
    return make_file_block(size);
  }
  return {static_cast<std::byte*>(::operator new(size)), [size](std::byte* bytes) {
            ::operator delete(bytes);
            in_memory.fetch_sub(size);
          }};
}

BlockLimitsGuard::BlockLimitsGuard(std::size_t in_memory_limit, std::size_t smallest) {
  limit = in_memory_limit;
  smallest_in_file = smallest;
}

BlockLimitsGuard::~BlockLimitsGuard() {
  limit = kBlocksInMemory;
  smallest_in_file = kSmallest;
}

}  // namespace reaugkd::base
