// What a fuzz target is: read(bytes, directory) gives a reader what libFuzzer made up. A
// base::Error is the right answer to it; anything else that is thrown, leaked or overrun is a find.
#pragma once

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/file.h"

void read(const std::string& bytes, const std::filesystem::path& directory);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::filesystem::path directory = [] {
    spdlog::set_level(spdlog::level::off);
    const char* memory = "/dev/shm";
    std::string name = (std::filesystem::exists(memory) ? std::filesystem::path(memory)
                                                        : std::filesystem::temp_directory_path()) /
                       "reaugkd-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    static std::string kept = name;
    std::atexit([] {
      std::error_code ignored;
      std::filesystem::remove_all(kept, ignored);
    });
    return std::filesystem::path(name);
  }();
  try {
    read({reinterpret_cast<const char*>(data), size}, directory);
  } catch (const reaugkd::base::InternalError&) {
    throw;  // REAUGKD_CHECK: no input may reach it
  } catch (const reaugkd::base::Error&) {
  }
  return 0;
}

/// Writes without syncing: a fuzzer writes a thousand files a second.
inline void write_quickly(const std::filesystem::path& path, const std::string& bytes) {
  FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr || std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size()) {
    std::abort();
  }
  std::fclose(file);
}
