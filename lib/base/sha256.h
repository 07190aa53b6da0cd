// SHA-256 of bytes and files (libcrypto), for example ids and for what run.json says of its inputs.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // libcrypto's EVP_MD_CTX

namespace reaugkd::base {

/// SHA-256 of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  /// 64 lower-case hex digits; nothing can be added afterwards.
  std::string hex();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

/// 64 lower-case hex digits.
std::string sha256(std::string_view bytes);

/// The same of a file, read in pieces. Throws IoError.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace reaugkd::base
