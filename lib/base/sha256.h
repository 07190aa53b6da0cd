// SHA-256 of bytes and files (libcrypto), for example ids and for what run.json says of its inputs.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace reaugkd::base {

/// 64 lower-case hex digits.
std::string sha256(std::string_view bytes);

/// The same of a file, read in pieces. Throws IoError.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace reaugkd::base
