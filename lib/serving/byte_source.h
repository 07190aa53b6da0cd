// Bytes of a file or a pipe as they come. Used by row_stream.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace reaugkd::serving {

class ByteSource {
 public:
  /// Throws IoError where the file cannot be opened.
  static ByteSource file(const std::filesystem::path& path);
  static ByteSource standard_input();

  ByteSource(int descriptor, std::string name, bool owned);
  ByteSource(ByteSource&& other) noexcept;
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ByteSource& operator=(ByteSource&&) = delete;

  enum class Found { kBytes, kNothing, kEnd };
  /// Adds what is there to `buffer`, and waits for it: kNothing where none came in time. A negative
  /// time has no end. Throws IoError, and Interrupted where the process was asked to stop.
  Found read(std::string& buffer, std::chrono::microseconds most_wait);

  /// Whether all bytes have been read.
  bool ended() const { return ended_; }
  const std::string& name() const { return name_; }

 private:
  int descriptor_;
  std::string name_;
  bool owned_;
  bool ended_ = false;
};

}  // namespace reaugkd::serving
