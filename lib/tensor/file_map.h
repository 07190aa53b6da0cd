// A file in memory without reading it: the system loads the pages that are looked at.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace reaugkd::tensor {

/// A file mapped privately and read-only in effect: writes to it stay in this process.
class FileMap {
 public:
  /// Throws IoError where the file is missing, is not a regular one or cannot be mapped.
  explicit FileMap(const std::filesystem::path& path);
  ~FileMap();
  FileMap(const FileMap&) = delete;
  FileMap& operator=(const FileMap&) = delete;
  char* bytes() const { return bytes_; }
  std::string_view view() const { return {bytes_, size_}; }

 private:
  char* bytes_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace reaugkd::tensor
