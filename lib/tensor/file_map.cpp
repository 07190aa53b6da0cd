#include "tensor/file_map.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace reaugkd::tensor {

using base::IoError;

FileMap::FileMap(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw IoError("{}: cannot be opened: {}", path.string(), strerror(errno));
  struct stat info {};
  const bool regular = ::fstat(file, &info) == 0 && S_ISREG(info.st_mode);
  size_ = regular ? static_cast<std::size_t>(info.st_size) : 0;
  void* address = MAP_FAILED;
  if (size_ > 0) {
    address = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
  }
  ::close(file);
  if (!regular) throw IoError("{}: is not a regular file", path.string());
  if (size_ > 0 && address == MAP_FAILED) {
    throw IoError("{}: cannot be mapped: {}", path.string(), strerror(errno));
  }
  bytes_ = size_ > 0 ? static_cast<char*>(address) : nullptr;
}

FileMap::~FileMap() {
  if (bytes_ != nullptr) ::munmap(bytes_, size_);
}

}  // namespace reaugkd::tensor
